// The pictures of the documentation: `forgecast demo` in the middle of its builds, in both themes and on a phone.

import { expect, test } from '../support/page.ts';
import { Forgecast } from '../support/forgecast.ts';

const FOLDER = '../docs/pictures';

/** A build in its second round of self-healing: it shows most of what there is to see. */
async function healing(url: string): Promise<string | undefined> {
  const { sessions } = (await (await fetch(`${url}/api/v1/sessions?status=running`)).json()) as { sessions: { id: string }[] };
  for (const { id } of sessions) {
    const view = (await (await fetch(`${url}/api/v1/sessions/${id}`)).json()) as { phases?: Record<string, { attempts: number; status: string }> };
    const phases = Object.values(view.phases ?? {});
    if (phases.some(({ attempts, status }) => attempts > 1 && status === 'active')) return id;
  }
  return undefined;
}

test('the pictures of the documentation', async ({ page }) => {
  const demo = new Forgecast();
  await demo.start(['demo', '--builds', '6', '--speed', '4', '--seed', '3']);
  try {
    await page.goto(demo.url);
    // The builds; the agent without one is shown as long as it does not wait for a prompt.
    await expect.poll(() => page.locator('[data-session]').count()).toBeGreaterThanOrEqual(6);
    await expect.poll(() => healing(demo.url), { timeout: 120_000 }).toBeDefined();
    await page.screenshot({ path: `${FOLDER}/overview.png` });
    await page.goto(`${demo.url}/session/${await healing(demo.url)}`);
    await expect(page.locator('[data-phase]', { hasText: '×2' }).first()).toBeVisible();
    await page.screenshot({ path: `${FOLDER}/session.png` });
    await page.getByRole('button', { name: 'Switch to light colours' }).click();
    await page.screenshot({ path: `${FOLDER}/session-light.png` });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.screenshot({ path: `${FOLDER}/session-phone.png` });
  } finally {
    await demo.remove();
  }
});
