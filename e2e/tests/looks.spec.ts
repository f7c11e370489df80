// What the pages look like, in both themes and on a phone: screenshots to look at, and axe finds nothing.

import { Mock } from '../support/mock.ts';
import { axeViolations, expect, test } from '../support/page.ts';
import { activityLines, logLines, report, richView, rows, transcriptView } from '../support/states.ts';

const OWN = '258c7280-ae70-4f3e~1';
let mock: Mock;

test.beforeAll(async ({ assets }) => {
  mock = new Mock(assets);
  mock.put('sessions', {
    sessions: rows(),
    total: 22,
    problems: {},
    indexing: { done: 312, files: 1204, bytes_done: 2_100_000_000, bytes: 5_000_000_000 },
  });
  mock.report = report();
  mock.put('session/weather-app~1', richView());
  mock.append('log/weather-app~1', logLines(300));
  mock.put(`session/${OWN}`, transcriptView(OWN));
  mock.append(`log/${OWN}`, activityLines());
  await mock.start();
});
test.afterAll(() => mock.stop());

for (const theme of ['dark', 'light'] as const) {
  for (const [size, viewport] of [
    ['desktop', { width: 1440, height: 900 }],
    ['wide', { width: 1920, height: 1080 }],
    ['phone', { width: 390, height: 844 }],
  ] as const) {
    test(`the overview and a session look right and axe finds nothing: ${theme}, ${size}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize(viewport);
      await page.goto(mock.url);
      await page.getByRole('button', { name: /^all/i }).click();
      await expect(page.locator('[data-session]').first()).toBeVisible();
      await expect(page.locator('[data-total="spent"]')).toBeVisible();
      await page.screenshot({ path: `screenshots/overview-${theme}-${size}.png` });
      expect(await axeViolations(page)).toEqual([]);

      for (const [name, id, agent] of [
        ['session', 'weather-app~1', 't1'],
        ['agent', OWN, 'main'],
      ] as const) {
        await page.goto(`${mock.url}/session/${id}`);
        await expect(page.locator('[data-panel="log"] .line').first()).toBeVisible();
        await expect(page.locator(`[data-panel="agents"] [data-agent="${agent}"]`)).toBeVisible();
        await page.screenshot({ path: `screenshots/${name}-${theme}-${size}.png`, fullPage: true });
        expect(await axeViolations(page)).toEqual([]);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(wider, 'the page scrolls sideways').toBeLessThanOrEqual(0);
      }
    });
  }
}
