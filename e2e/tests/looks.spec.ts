// What the pages look like, in both themes and on a phone: screenshots to look at, and axe finds nothing.

import { Mock } from '../support/mock.ts';
import { axeViolations, expect, test } from '../support/page.ts';
import { logLines, richView, rows } from '../support/states.ts';

let mock: Mock;

test.beforeAll(async ({ assets }) => {
  mock = new Mock(assets);
  mock.put('sessions', { sessions: rows(), total: 20, problems: {} });
  mock.put('session/weather-app~1', richView());
  mock.append('log/weather-app~1', logLines(300));
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
      await page.screenshot({ path: `screenshots/overview-${theme}-${size}.png` });
      expect(await axeViolations(page)).toEqual([]);

      await page.goto(`${mock.url}/session/weather-app~1`);
      await expect(page.locator('[data-panel="log"] .line').first()).toBeVisible();
      await expect(page.locator('[data-panel="agents"] [data-agent="t1"]')).toBeVisible();
      await page.screenshot({ path: `screenshots/session-${theme}-${size}.png`, fullPage: true });
      expect(await axeViolations(page)).toEqual([]);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(wider, 'the page scrolls sideways').toBeLessThanOrEqual(0);
    });
  }
}
