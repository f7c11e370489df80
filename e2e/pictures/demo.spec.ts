// The pictures of the documentation: `forgecast demo` in the middle of its builds, in both themes and on a phone, and the
// history of weeks that were made up. Seeded, so that they change when the dashboard does.

import type { Page } from '@playwright/test';
import { Forgecast } from '../support/forgecast.ts';
import { lay, madeUp, tell } from '../support/made-up.ts';
import { expect, test } from '../support/page.ts';

const FOLDER = '../docs/pictures';
const BUILDS = 6;
const DESKTOP = { width: 1440, height: 900 };

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

const PICTURES: readonly { name: string; of: 'overview' | 'session'; light?: boolean; phone?: boolean }[] = [
  { name: 'overview', of: 'overview' },
  { name: 'session', of: 'session' },
  { name: 'session-light', of: 'session', light: true },
  { name: 'session-phone', of: 'session', phone: true },
];

async function still(page: Page, path: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  // What is said in passing would hide what stays.
  for (const toast of await page.getByRole('button', { name: /^Dismiss/ }).all()) await toast.click({ timeout: 1_000 }).catch(() => {});
  await page.screenshot({ path, animations: 'disabled' });
}

test('the pictures of the documentation', async ({ page }) => {
  const demo = new Forgecast();
  await demo.start(['demo', '--builds', String(BUILDS), '--speed', '4', '--seed', '3']);
  try {
    await page.goto(demo.url);
    await page.setViewportSize(DESKTOP);
    // Somebody is asked for something, something else is wrong, one build tries again, and others are at work.
    const there = (...all: string[]) => Promise.all(all.map(async (one) => (await page.locator(one).count()) > 0));
    const wanted = ['[data-need].waiting', '[data-need]:not(.waiting)', '.attempt', '[data-activity="tool"]'];
    await expect.poll(() => there(...wanted), { timeout: 150_000, intervals: [200] }).toEqual(wanted.map(() => true));
    let session: string | undefined;
    for (const { name, of, light = false, phone = false } of PICTURES) {
      await page.emulateMedia({ colorScheme: light ? 'light' : 'dark' });
      await page.setViewportSize(phone ? { width: 390, height: 844 } : DESKTOP);
      if (of === 'session' && session === undefined) {
        await expect.poll(() => healing(demo.url), { timeout: 120_000 }).toBeDefined();
        session = `${demo.url}/session/${await healing(demo.url)}`;
        await page.goto(session);
        await expect(page.locator('[data-phase]', { hasText: '×2' }).first()).toBeVisible();
        await expect(page.locator('[data-panel="log"] .line').first()).toBeVisible();
      }
      await still(page, `${FOLDER}/${name}.png`);
    }
  } finally {
    await demo.remove();
  }
});

test('the picture of the history', async ({ page }) => {
  const past = madeUp(120, 30);
  const forgecast = new Forgecast();
  lay(forgecast.root, past);
  await forgecast.start();
  try {
    await expect.poll(() => forgecast.metric('forgecast_sessions')).toBe(past.length);
    await tell(forgecast.url, past);
    await page.goto(`${forgecast.url}/history`);
    await expect(page.locator('[data-total="cost"] dd')).toContainText('$');
    await expect(page.locator('canvas').first()).toBeVisible();
    await still(page, `${FOLDER}/history.png`);
  } finally {
    await forgecast.remove();
  }
});
