// What the pages say of tokens, money and waiting, from states that the real server reaches only after hours.

import { Mock } from '../support/mock.ts';
import { axeViolations, expect, test } from '../support/page.ts';
import { ago, fill, limits, report, row, transcriptView } from '../support/states.ts';

const ID = 'weather-app~1';
let mock: Mock;

test.beforeEach(async ({ assets }) => {
  mock = new Mock(assets);
  fill(mock, ID);
  await mock.start();
});
test.afterEach(() => mock.stop());

const minute = (back: number) => new Date(Math.floor(Date.now() / 60_000 - back) * 60_000).toISOString();

test('a burn rate is of the last ten minutes, and idle when nothing was used in them', async ({ page }) => {
  mock.patch(`session/${ID}`, { usage: { recent: null } });
  mock.patch(`session/${ID}`, { usage: { recent: { [minute(40)]: { tokens: 900_000, cost_usd: 9 }, [minute(15)]: { tokens: 900_000, cost_usd: 9 } } } });
  await page.goto(`${mock.url}/session/${ID}`);
  const burn = page.locator('[data-field="burn"]');
  await expect(burn).toHaveText('idle');
  await expect(page.locator('[data-field="projection"]')).toHaveCount(0);
  mock.patch(`session/${ID}`, { usage: { recent: { [minute(1)]: { tokens: 340_000, cost_usd: 1 } } } });
  await expect(burn).toContainText('34k tok/min');
  await expect(burn).toContainText('$6.00/h');
  await expect(page.locator('[data-field="projection"]')).toHaveText('budget used up in 5m to 22m');
  await expect(page.getByRole('img', { name: /^Tokens per minute from \d\d:\d\d to \d\d:\d\d, at most 900k$/ })).toBeVisible();
  mock.patch(`session/${ID}`, { usage: { cost_usd: 11.2, budget: { level: 'exceeded' } } });
  await expect(page.locator('[data-field="projection"]')).toHaveText('over budget by $1.20');
});

test('shares are chosen by keyboard, and accounts of sources that differ are marked', async ({ page }) => {
  await page.goto(`${mock.url}/session/${ID}`);
  const by = page.getByRole('group', { name: 'Usage by', exact: true });
  await expect(page.locator('[data-share="claude-opus-5"]')).toContainText('$7.30');
  await expect(page.locator('[data-share="local-coder-30b"]')).toContainText('unpriced');
  await by.getByRole('button', { name: 'Model' }).focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await expect(by.getByRole('button', { name: 'Phase' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('[data-share="Builder"]')).toContainText('2.8M');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(page.locator('[data-share="b1"]')).toContainText('Builder 1');
  const accounts = page.locator('[data-field="accounts"]');
  await expect(accounts).toContainText('2 calls disputed');
  await expect(accounts.locator('td.warn')).toHaveText([/211,400/, /3,398,000/, /4,107,800/, /^211/]);
});

test('an agent’s own session shows what it has to say and nothing else', async ({ page }) => {
  const own = transcriptView();
  const topic = `session/${String(own['id'])}`;
  mock.put(topic, own);
  await page.goto(`${mock.url}/${topic}`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(String(own['name']));
  await expect(page.locator('[data-panel="pipeline"], [data-panel="tests"], [data-panel="progress"]')).toHaveCount(0);
  const depths = page.locator('[data-agent]');
  await expect(depths).toHaveCount(4);
  expect(
    await depths.evaluateAll((all) => all.map((one) => `${one.getAttribute('data-agent')} ${/depth-\d/.exec(one.getAttribute('class') ?? '')?.[0]}`)),
  ).toEqual(['main depth-0', 'a61f depth-1', 'b07c depth-1', 'c9d2 depth-2']);
  for (const [waiting_for, text] of [
    ['answer', 'asks a question'],
    ['prompt', 'your turn'],
    ['permission', 'needs approval'],
  ] as const) {
    mock.patch(topic, { waiting_for });
    await expect(page.locator('[data-panel="header"] [data-status="waiting"]')).toContainText(text);
  }
  mock.patch(topic, { tests: { summary: { total: 2, passed: 2, failed: 0, source: 'report' } } });
  await expect(page.locator('[data-panel="tests"]')).toContainText('passed');
});

test('the totals are asked for conditionally, and say when they are old', async ({ page }) => {
  await page.clock.install();
  await page.goto(mock.url);
  await expect(page.locator('[data-total="spent"]')).toContainText('$41.37');
  await expect(page.locator('[data-total="spent"] .at-least')).toHaveAttribute('title', /12 calls used a model whose price is not known/);
  await expect(page.locator('[data-total="burn"]')).toContainText('$7.44/h');
  await expect(page.locator('[data-total="projected"]')).toHaveText(/\$72–\$96$/);
  await expect(page.locator('[data-total="budget-day"]')).toContainText('warning');
  await expect(page.locator('[data-total="waiting"]')).toContainText('4');
  await expect(page.locator('[data-total="waiting"]')).toContainText('3 blocked');
  await page.clock.fastForward(15_000);
  await expect.poll(() => mock.asked).toEqual({ report: 2, unchanged: 1 });
  mock.report = undefined;
  await page.clock.fastForward(40_000);
  await expect(page.locator('[data-total="spent"]')).toContainText('(stale)');
  await expect(page.locator('[data-total="spent"]')).toContainText('$41.37');
  mock.report = report({ budgets: [], burn: { window_s: 600, tokens_per_minute: 0, usd_per_hour: 0 } });
  await page.clock.fastForward(15_000);
  await expect(page.locator('[data-total="burn"]')).toContainText('idle');
  await expect(page.locator('[data-total="spent"]')).not.toContainText('(stale)');
  await expect(page.locator('[data-total="projected"], [data-total="budget-day"]')).toHaveCount(0);
});

test('the first reading of old transcripts shows how far it is, and goes when it is over', async ({ page }) => {
  mock.patch('sessions', { indexing: { done: 311, files: 1204, bytes_done: 2_000_000_000, bytes: 5_000_000_000 } });
  await page.goto(mock.url);
  const indexing = page.getByRole('progressbar', { name: 'Reading old transcripts' });
  await expect(indexing).toHaveAttribute('aria-valuenow', '40');
  mock.patch('sessions', { indexing: { done: 312, bytes_done: 2_100_000_000 } });
  await expect(indexing).toHaveText('Reading old transcripts: 312 of 1,204 files, 2.1 of 5.0 GB');
  expect(await axeViolations(page)).toEqual([]);
  mock.patch('sessions', { indexing: null });
  await expect(indexing).toHaveCount(0);
});

test('a budget that is passed is said quietly, once, and leads to its session', async ({ page }) => {
  await page.goto(mock.url);
  await expect(page.locator('[data-session]').first()).toBeVisible();
  const data = { scope: 'session', level: 'critical', limit_usd: 10, spent_usd: 7.82 };
  const passed = { type: 'budget_passed', session: ID, at: ago(0), data };
  mock.event('sessions', passed);
  mock.event('sessions', { ...passed, data: { ...data, spent_usd: 7.9 } });
  mock.event('sessions', { ...passed, type: 'deployed' });
  const toast = page.locator('[data-toast]');
  await expect(toast).toHaveCount(1);
  await expect(toast).toContainText('Session budget: $7.90 of $10.00 spent');
  expect(await axeViolations(page)).toEqual([]);
  await toast.getByRole('link', { name: 'weather-app' }).click();
  await expect(page.getByRole('heading', { name: 'weather-app', level: 1 })).toBeVisible();
  await toast.getByRole('button').click();
  await expect(toast).toHaveCount(0);
});

test('a row without a known price says so', async ({ page }) => {
  mock.put('sessions', {
    sessions: {
      'a~1': row('a~1', { usage: { tokens: 900, unpriced: true } }),
      'b~1': row('b~1', { usage: { tokens: 900, cost_usd: 1.2, unpriced: true } }),
      'c~1': row('c~1', { usage: { tokens: 900, cost_usd: 1.2 } }),
    },
    total: 3,
    problems: {},
  });
  await page.goto(mock.url);
  await expect(page.locator('[data-session="a~1"] .usage')).toContainText('unpriced');
  await expect(page.locator('[data-session="b~1"] .usage')).toContainText('at least');
  await expect(page.locator('[data-session="c~1"] .usage')).not.toContainText('at least');
});

test('the limits of plans stand on the overview, and with the session that took a part', async ({ page }) => {
  mock.limits = limits(ID);
  await page.goto(mock.url);
  const claude = page.locator('[data-total="limit-claude-300"]');
  await expect(claude).toContainText('Claude Code, five hours');
  await expect(claude).toContainText(/62% limit between \d\d:\d\d and \d\d:\d\d, reset \d\d:\d\d/);
  await expect(page.locator('[data-total="limit-codex-10080"]')).toContainText(/\? unknown since \d\d:\d\d/);
  expect(await axeViolations(page)).toEqual([]);
  await page.goto(`${mock.url}/session/${ID}`);
  const panel = page.locator('[data-panel="limits"]');
  await expect(panel.locator('li')).toHaveText([
    /^This build took 31% of your five hours of Claude Code; at this rate the limit comes between \d\d:\d\d and \d\d:\d\d, reset \d\d:\d\d\s*$/,
  ]);
  expect(await axeViolations(page)).toEqual([]);
});
