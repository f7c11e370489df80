// What comes out on paper: light, complete, and nothing that can only be clicked.

import type { Page } from '@playwright/test';
import { Mock } from '../support/mock.ts';
import { expect, test } from '../support/page.ts';
import { ago, attention, fill, logLines, richView, row } from '../support/states.ts';

const ID = 'weather-app~1';
const SESSIONS = 60;
const NEEDING = 12;
let mock: Mock;

test.beforeEach(async ({ assets, page }) => {
  mock = new Mock(assets);
  fill(mock, ID);
  const ids = Array.from({ length: SESSIONS }, (_, at) => `job-${at}~1`);
  const rows = ids.map((id, at) => row(id, at < NEEDING ? { status: 'failed', ended_at: ago(60), attention: attention('failed', 60, 'Tests fail') } : {}));
  mock.put('sessions', { sessions: Object.fromEntries(rows.map((one) => [one['id'] as string, one])), total: SESSIONS, problems: {} });
  mock.put(`session/${ID}`, richView(ID));
  mock.append(`log/${ID}`, logLines(2_000));
  await mock.start();
  await page.addInitScript(() => localStorage.setItem('forgecast-theme', 'dark'));
});
test.afterEach(() => mock.stop());

/** What the page holds when its printing has begun, by selector: the browser prints it as it is then. */
async function printed(page: Page, ...selectors: string[]): Promise<number[]> {
  await page.evaluate((selectors) => {
    // The listeners of the page itself were there before.
    addEventListener('beforeprint', () => {
      Object.assign(globalThis, { printed: selectors.map((one) => document.querySelectorAll(one).length) });
    });
  }, selectors);
  const paper = await page.pdf({ format: 'A4' });
  expect(paper.subarray(0, 5).toString()).toBe('%PDF-');
  return page.evaluate(() => (globalThis as unknown as { printed: number[] }).printed);
}

/** The page laid out as for a sheet of A4, for as long as the returned function is not called. */
async function onPaper(page: Page): Promise<() => Promise<void>> {
  await page.setViewportSize({ width: 794, height: 1123 });
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  return async () => {
    await page.emulateMedia({ media: 'screen' });
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  };
}

test('all sessions are printed, one below the other, and the list is as short as before afterwards', async ({ page }) => {
  await page.goto(mock.url);
  const rows = page.locator('[data-session]');
  await expect(rows.first()).toBeVisible();
  const before = await rows.count();
  expect(before).toBeLessThan(SESSIONS - NEEDING);
  expect(await printed(page, '[data-session]', '[data-need]')).toEqual([SESSIONS - NEEDING, NEEDING]);
  await expect(rows).toHaveCount(before);

  const end = await onPaper(page);
  const boxes = await page.locator('[data-need], [data-session]').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON() as DOMRect));
  expect(boxes).toHaveLength(SESSIONS);
  for (const [at, box] of boxes.entries()) {
    expect(box.height).toBeGreaterThan(20);
    if (at > 0) expect(box.top).toBeGreaterThanOrEqual(boxes[at - 1]!.bottom - 1);
  }
  const scrolls = await page.evaluate(
    () =>
      [...document.querySelectorAll('main *')].filter((one) => one.scrollHeight > one.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(one).overflowY))
        .length,
  );
  expect(scrolls, 'nothing is cut off').toBe(0);
  await end();
});

test('paper is light whatever is chosen, and the choice holds afterwards', async ({ page }) => {
  await page.goto(`${mock.url}/session/${ID}`);
  await expect(page.locator('[data-panel="log"] .line').last()).toBeVisible();
  const color = (of: string) =>
    page
      .locator(of)
      .first()
      .evaluate((one) => [getComputedStyle(one).backgroundColor, getComputedStyle(one).color]);
  const dark = await color('body');
  const end = await onPaper(page);
  expect(await color('body')).toEqual(['rgb(255, 255, 255)', 'rgb(26, 33, 41)']);
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await end();
  expect(await color('body')).toEqual(dark);
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('a session is printed without what can only be clicked, and its log takes no paper for lines that are not there', async ({ page }) => {
  await page.goto(`${mock.url}/session/${ID}`);
  await expect(page.locator('[data-panel="log"] .line').last()).toBeVisible();
  const end = await onPaper(page);
  for (const gone of ['body > header', '[data-panel="timeline"]', '[data-panel="log"] .tools', '[data-bell]']) await expect(page.locator(gone)).toBeHidden();
  // Where the name of something can be clicked, it is still its name.
  await expect(page.getByText('scout-report.md')).toBeVisible();
  const [log, lines] = await page.evaluate(() => {
    const list = document.querySelector('[data-panel="log"]')!;
    const all = [...list.querySelectorAll('.line')].map((line) => line.getBoundingClientRect().height);
    return [list.getBoundingClientRect().height, all.reduce((sum, height) => sum + height, 0)];
  });
  expect(lines).toBeGreaterThan(400);
  expect(log).toBeLessThan(lines + 120);
  await expect(page.locator('[data-panel="log"] .line').last()).toHaveAttribute('data-line', '1999');
  await end();
});
