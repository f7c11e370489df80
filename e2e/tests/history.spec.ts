// The past as its user sees it: weeks of made-up sessions behind the real server, totals, charts, the list of what ended,
// two of them side by side.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { Forgecast } from '../support/forgecast.ts';
import { lay, madeUp, tell } from '../support/made-up.ts';
import { axeViolations, expect, test } from '../support/page.ts';

const COUNT = 140;
const DAYS = 40;
const past = madeUp(COUNT, DAYS);
let forgecast: Forgecast;

test.beforeAll(async () => {
  forgecast = new Forgecast();
  lay(forgecast.root, past);
  await forgecast.start();
  await tell(forgecast.url, past);
});
test.afterAll(() => forgecast.remove());

const list = (page: Page) => page.locator('[data-finished]');
const total = (page: Page, name: string) => page.locator(`[data-total="${name}"] dd`);

async function opened(page: Page): Promise<void> {
  await page.goto(`${forgecast.url}/history`);
  await expect(list(page).first()).toBeVisible();
  await expect(page.locator('.uplot canvas')).toHaveCount(2);
}

test('totals, charts and shares are those of the range', async ({ page }) => {
  await opened(page);
  await page.getByRole('button', { name: 'All', exact: true }).click();
  await expect(total(page, 'finished')).toHaveText(String(COUNT));
  const failed = past.filter(({ files }) => JSON.stringify(files).includes('\\"failed\\"')).length;
  await expect(total(page, 'failed')).toHaveText(String(failed));
  await expect(total(page, 'passed')).toHaveText(`${Math.round(((COUNT - failed) / COUNT) * 100)}%`);
  const whole = await total(page, 'cost').innerText();
  await page.getByRole('button', { name: '7 days' }).click();
  await expect(total(page, 'finished')).not.toHaveText(String(COUNT));
  await expect(total(page, 'cost')).not.toHaveText(whole);

  const usage = page.getByRole('group', { name: 'Usage by', exact: true });
  for (const [by, group] of [
    ['Model', 'claude-opus-4-8'],
    ['Phase', ''],
    ['Session', `${past.at(-1)!.name}~1`],
    ['Project', 'weather-app'],
  ] as const) {
    await usage.getByRole('button', { name: by }).click();
    await expect(page.getByRole('columnheader', { name: by, exact: true })).toBeVisible();
    if (group !== '') await expect(page.locator(`[data-group="${group}"]`)).toBeVisible();
  }
  await page.getByRole('button', { name: 'weather-app', exact: true }).click();
  await expect(page.getByLabel('Project', { exact: true })).toHaveValue('weather-app');
  await expect(list(page).first()).toContainText('weather-app');
});

test('the list is read a page at a time, sorted and filtered by the server', async ({ page }) => {
  const asked: URL[] = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.pathname.endsWith('/api/v1/sessions')) asked.push(url);
  });
  await opened(page);
  await page.getByRole('button', { name: 'All', exact: true }).click();
  await expect(page.getByText('100 loaded; scroll for more')).toBeVisible();
  expect(asked.every((url) => url.searchParams.get('limit') === '100')).toBe(true);
  expect(await list(page).count()).toBeLessThan(60);
  await page.getByRole('region', { name: 'Finished sessions' }).evaluate((view) => (view.scrollTop = view.scrollHeight));
  await expect(page.getByText(`${COUNT} total`)).toBeVisible();
  await page.getByRole('region', { name: 'Finished sessions' }).evaluate((view) => (view.scrollTop = view.scrollHeight));
  await expect(page.locator(`[data-finished^="${past[0]!.name}~"]`)).toBeVisible();

  await page.getByRole('group', { name: 'Sort' }).getByRole('button', { name: 'Duration' }).click();
  const longest = Math.max(
    ...past.map(({ files }) => (JSON.parse(files['.context-foundry/session-summary.json']!) as { duration_minutes: number }).duration_minutes),
  );
  await expect(list(page).first()).toContainText(`${Math.floor(longest)}m`);
  await page.getByRole('searchbox').fill(past[7]!.name);
  await expect(page.locator(`[data-finished^="${past[7]!.name}~"]`)).toBeVisible();
  await page.getByRole('searchbox').fill('no such thing');
  await expect(page.getByText('No sessions match the filter.')).toBeVisible();
  await page.getByRole('button', { name: 'Clear filter' }).click();
  await page.getByLabel('Result', { exact: true }).selectOption('failed');
  await expect(list(page).locator('[data-status="failed"]').first()).toBeVisible();
  await expect(list(page).locator('[data-status="completed"]')).toHaveCount(0);
});

test('a chart is read with the arrow keys and as a table, and goes with the theme', async ({ page }) => {
  await opened(page);
  const chart = page.getByRole('group', { name: /^Cost per day by model: use the arrow keys/ });
  await chart.focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  await expect(chart.getByRole('status')).toContainText(/\w{3}, \w{3} \d+, \d{4}.*\$\d/s);
  await page.keyboard.press('Escape');
  await expect(chart.getByRole('status')).toHaveCount(0);
  const table = page.getByRole('table', { name: 'Cost per day by model' });
  await expect(table.locator('tbody tr')).toHaveCount(30);

  // Which colors of the legend the canvas has.
  const painted = () =>
    page.locator('[data-chart="Cost per day by model"]').evaluate((figure) => {
      const canvas = figure.querySelector('canvas')!;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set<string>();
      for (let at = 0; at < data.length; at += 4) seen.add(`rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`);
      return [...figure.querySelectorAll('.swatch')].map((swatch) => seen.has(getComputedStyle(swatch).backgroundColor));
    });
  for (let themes = 0; themes < 2; themes += 1) {
    await expect.poll(painted).toEqual([true, true, true]);
    await page.keyboard.press('t');
  }
  // Paper is light, and so is what is drawn on it.
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  expect(await painted()).toEqual([true, true, true]);
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect.poll(painted).toEqual([true, true, true]);
  const width = () =>
    page
      .locator('.uplot')
      .first()
      .evaluate((chart) => chart.clientWidth);
  const before = await width();
  await page.setViewportSize({ width: 800, height: 900 });
  await expect.poll(width).not.toBe(before);
});

test('charts of a session that is over span its life, and do not go on until now', async ({ page }) => {
  const one = past.at(-30)!;
  await page.goto(`${forgecast.url}/session/${one.name}~1`);
  await page.locator('[data-panel="usage"]').scrollIntoViewIfNeeded();
  const times = page.locator('[data-field="burn-chart"] table tbody th');
  const used = one.usage.map((call) => Date.parse(String(call['used_at'])));
  const minute = (ms: number) => page.evaluate((ms) => new Date(Math.floor(ms / 60_000) * 60_000).toLocaleString('sv-SE'), ms);
  await expect(times.last()).toHaveText(await minute(one.endedAt));
  const first = Date.parse((await times.first().innerText()).replace(' ', 'T'));
  expect(first).toBeLessThanOrEqual(Math.min(...used));
  // No rate is told of what goes on no more.
  await expect(page.locator('[data-panel="usage"] [data-field="burn"]')).toHaveCount(0);

  await page.goto(`${forgecast.url}/?tab=all&q=${one.name}`);
  const card = page.locator(`.session-card[data-session="${one.name}~1"]`);
  const until = await minute(Math.max(...used) + 60_000);
  await expect(card.getByRole('img', { name: /^Tokens per minute/ })).toHaveAccessibleName(new RegExp(`to ${until.slice(11, 16)}, at most`));
});

test('two sessions stand side by side', async ({ page }) => {
  await opened(page);
  const [one, other] = [list(page).nth(0), list(page).nth(2)];
  const names = [await one.locator('strong').innerText(), await other.locator('strong').innerText()];
  await one.getByRole('checkbox').check();
  await other.getByRole('checkbox').check();
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await expect(page).toHaveURL(/\/compare\/[^/]+\/[^/]+$/);
  await expect(page.locator('[data-side="a"] h2')).toHaveText(names[0]!);
  await expect(page.locator('[data-side="b"] h2')).toHaveText(names[1]!);
  await expect(page.locator('[data-fact="Cost"] td').first()).toContainText('$');
  await expect(page.locator('[data-phase-line="Scout"]')).toBeVisible();
  await page.getByRole('link', { name: 'Swap the two sides' }).click();
  await expect(page.locator('[data-side="a"] h2')).toHaveText(names[1]!);
  await page.reload();
  await expect(page.locator('[data-side="a"] h2')).toHaveText(names[1]!);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name: 'History', level: 1 })).toBeVisible();
});

test('two sessions side by side are live, and one that is not there says so', async ({ page }) => {
  const project = forgecast.project('side-by-side');
  project.phase('Scout', '1', { progress_detail: 'Reading' });
  await page.goto(`${forgecast.url}/compare/side-by-side/nobody`);
  await expect(page.locator('[data-side="a"] [data-status="running"]')).toBeVisible();
  await expect(page.locator('[data-side="b"]').getByRole('alert')).toContainText(/no such session|no session/i);
  project.phase('Architect', '2', { phases_completed: ['Scout'] });
  await expect(page.locator('[data-phase-line="Architect"]')).toContainText('active');
});

test('what is shown can be saved, for a spreadsheet and for a program', async ({ page }) => {
  await opened(page);
  await page.getByRole('button', { name: 'All', exact: true }).click();
  await expect(total(page, 'finished')).toContainText(/^1[45]\d$/);
  const saved = async (group: string, kind: string) => {
    const download = page.waitForEvent('download');
    await page
      .getByRole('group', { name: `Export ${group}` })
      .getByRole('button', { name: kind })
      .click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(new RegExp(`\\.${kind.toLowerCase()}$`));
    return readFileSync(await file.path(), 'utf8');
  };
  const sessions = (await saved('sessions', 'CSV')).trim().split('\r\n');
  expect(sessions[0]).toMatch(/^id,name,project,status,duration_s/);
  expect(sessions.length).toBeGreaterThanOrEqual(COUNT + 1);
  const days = JSON.parse(await saved('usage by day', 'JSON')) as { rows: unknown[] };
  expect(days.rows.length).toBeGreaterThan(20);
});

test('a session that ends meanwhile appears by itself', async ({ page }) => {
  await opened(page);
  const project = forgecast.project('just-now');
  project.phase('Deploy', '7', { phases_completed: ['Scout', 'Builder', 'Test'] });
  project.write('.context-foundry/session-summary.json', { status: 'completed', session_id: 'just-now', completed_at: new Date().toISOString() });
  await expect(page.locator('[data-finished^="just-now~"]')).toBeVisible();
});

test('a server without a past says so', async ({ page }) => {
  const fresh = new Forgecast();
  await fresh.start();
  try {
    await page.goto(`${fresh.url}/history`);
    await expect(page.locator('[data-empty="history"]')).toContainText('Nothing in this range');
    await page.getByRole('button', { name: 'Show all time' }).click();
    await expect(page.locator('[data-empty="history"]')).toContainText('No history yet');
    expect(await axeViolations(page)).toEqual([]);
  } finally {
    await fresh.remove();
  }
});

for (const theme of ['dark', 'light'] as const) {
  for (const [size, viewport] of [
    ['desktop', { width: 1440, height: 900 }],
    ['phone', { width: 390, height: 844 }],
  ] as const) {
    test(`history and comparison, ${theme}, ${size}: axe finds nothing`, async ({ page }) => {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      await opened(page);
      await page.screenshot({ path: `screenshots/history-${theme}-${size}.png`, fullPage: true });
      expect(await axeViolations(page)).toEqual([]);
      const wider = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(await wider(), 'the page scrolls sideways').toBeLessThanOrEqual(0);
      const ids = await list(page).evaluateAll((rows) => rows.slice(0, 2).map((row) => row.getAttribute('data-finished')));
      await page.goto(`${forgecast.url}/compare/${ids[0]}/${ids[1]}`);
      await expect(page.locator('[data-phase-line]').first()).toBeVisible();
      await page.screenshot({ path: `screenshots/compare-${theme}-${size}.png`, fullPage: true });
      expect(await axeViolations(page)).toEqual([]);
      expect(await wider(), 'the page scrolls sideways').toBeLessThanOrEqual(0);
    });
  }
}
