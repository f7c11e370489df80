// What every page looks like, in both themes and on a phone: screenshots to look at, axe finds nothing, nothing sticks out.

import { Forgecast } from '../support/forgecast.ts';
import { lay, madeUp, tell } from '../support/made-up.ts';
import { Mock } from '../support/mock.ts';
import { axeViolations, expect, test } from '../support/page.ts';
import { BROKEN, BUILD, OWN, PAGES } from '../support/pages.ts';
import { activityLines, logLines, report, richView, rows, transcriptView } from '../support/states.ts';

let mock: Mock;
let real: Forgecast;
let locked: Forgecast;

test.beforeAll(async ({ assets }) => {
  mock = new Mock(assets);
  mock.put('sessions', {
    sessions: rows(),
    total: 22,
    problems: {},
    indexing: { done: 312, files: 1204, bytes_done: 2_100_000_000, bytes: 5_000_000_000 },
  });
  mock.report = report();
  mock.put(`session/${BUILD}`, richView(BUILD));
  mock.append(`log/${BUILD}`, logLines(300));
  mock.put(`session/${OWN}`, transcriptView(OWN));
  mock.append(`log/${OWN}`, activityLines());
  mock.put(`session/${BROKEN}`, { ...richView(BROKEN), decisions: { total: 1, lessons_used: 0, avg_quality: 'much' } });
  mock.append(`log/${BROKEN}`, logLines(30));
  await mock.start();
  const past = madeUp(60, 40);
  real = new Forgecast();
  lay(real.root, past);
  await real.start();
  await expect.poll(() => real.metric('forgecast_sessions')).toBe(past.length);
  await tell(real.url, past);
  locked = new Forgecast({ FORGECAST_SERVER_REQUIRE_TOKEN: 'true' });
  await locked.start();
});
test.afterAll(async () => {
  await mock.stop();
  await locked.remove();
  await real.remove();
});

for (const shown of PAGES) {
  for (const [size, viewport] of [
    ['desktop', { width: 1440, height: 900 }],
    ['wide', { width: 1920, height: 1080 }],
    ['phone', { width: 390, height: 844 }],
  ] as const) {
    if (size === 'wide' && !shown.wide) continue;
    test(`${shown.name} looks right and axe finds nothing: ${size}`, async ({ page, assets }) => {
      await page.setViewportSize(viewport);
      await shown.before?.(page);
      await page.goto(shown.address({ mock: mock.url, real: real.url, empty: assets, locked: locked.url }));
      await shown.ready(page);
      for (const theme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme: theme });
        await page.screenshot({ path: `screenshots/${shown.name}-${theme}-${size}.png`, fullPage: size !== 'wide' && !shown.long });
        expect(await axeViolations(page), theme).toEqual([]);
      }
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(wider, 'the page scrolls sideways').toBeLessThanOrEqual(0);
    });
  }
}
