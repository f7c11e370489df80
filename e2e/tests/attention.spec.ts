// Who needs somebody, what each one is doing, and where it is told: the first page, the tab's title and icon, and the first
// screen of a session.

import type { Page } from '@playwright/test';
import { Mock } from '../support/mock.ts';
import { expect, test } from '../support/page.ts';
import { changedNodes, watchNodes } from '../support/scale.ts';
import { ago, attention, fill, logLines, richView, row } from '../support/states.ts';

const ASKS = 'invoice-portal~1';
const WORKS = 'recipe-box~1';
const FAILED = 'chess-clock~1';
let mock: Mock;

const COMMAND = 'Wants to run: rm -rf build && npm run build';
const many = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`other-${at}~1`, row(`other-${at}~1`, { project: at % 2 ? 'shop' : 'garden', started_at: ago(at) })]),
  );

test.beforeEach(async ({ assets }) => {
  mock = new Mock(assets);
  fill(mock, WORKS);
  mock.put('sessions', {
    sessions: {
      [ASKS]: row(ASKS, { status: 'waiting', waiting_for: 'permission', attention: attention('waiting', 252, COMMAND) }),
      [WORKS]: row(WORKS, { activity: { kind: 'tool', text: 'Edit src/sync/queue.rs', since: ago(12), attempt: 2, subagents: 3 } }),
      'turn~1': row('turn~1', { status: 'waiting', waiting_for: 'prompt', attention: attention('waiting', 60, 'Finished its turn', { your_turn: true }) }),
      [FAILED]: row(FAILED, { status: 'failed', ended_at: ago(400), attention: attention('failed', 400, '3 of 57 tests still fail') }),
      'old~1': row('old~1', { status: 'failed', ended_at: ago(200_000), last_work_at: ago(200_000), attention: attention('failed', 200_000, 'long ago') }),
    },
    total: 5,
    problems: {},
  });
  await mock.start();
});
test.afterEach(() => mock.stop());

const icon = (page: Page) => page.locator('link[rel="icon"]').getAttribute('href');

test('who needs somebody stands first, with what is asked and since when, and one click leads there', async ({ page }) => {
  mock.put(`session/${ASKS}`, { ...richView(ASKS), name: 'invoice-portal' });
  await page.goto(mock.url);
  const group = page.getByRole('region', { name: /Needs you/ });
  await expect(group.getByRole('listitem')).toHaveCount(2);
  const first = group.getByRole('link').first();
  await expect(first).toHaveAccessibleName(/needs approval invoice-portal.*Wants to run: rm -rf build && npm run build.*4m \d\ds since \d\d:\d\d/);
  await expect(group.getByRole('link').nth(1)).toHaveAccessibleName(/failed chess-clock.*3 of 57 tests still fail/);
  await expect(page).toHaveTitle('(2) Forgecast');
  expect(await icon(page)).toMatch(/icon-2\.svg$/);
  // Who is above is not in the list below as well; who finished its turn is in it, and calls nobody.
  await expect(page.locator(`[data-session="${ASKS}"]`)).toHaveCount(0);
  await expect(page.locator('[data-session="turn~1"]')).toContainText('your turn');
  await first.click();
  await expect(page.getByRole('heading', { name: 'invoice-portal', level: 1 })).toBeVisible();
  await expect(page).toHaveTitle('(2) invoice-portal · Forgecast');
});

for (const [name, viewport] of [
  ['a wide screen', { width: 1600, height: 1000 }],
  ['a laptop', { width: 1280, height: 800 }],
] as const) {
  test(`of twelve sessions the first screen says who needs somebody for what and since when, to a screen reader, too: ${name}`, async ({ page }) => {
    const working = Object.fromEntries(
      Array.from({ length: 5 }, (_, at) => {
        const activity = { kind: 'tool', text: `Edit src/part-${at}.rs`, since: ago(12 + at), ...(at === 2 && { attempt: 2 }) };
        return [`work-${at}~1`, row(`work-${at}~1`, { activity })];
      }),
    );
    const needs = {
      'asks~1': row('asks~1', { status: 'waiting', waiting_for: 'permission', attention: attention('waiting', 252, COMMAND) }),
      'question~1': row('question~1', { status: 'waiting', waiting_for: 'answer', attention: attention('waiting', 130, 'Which unit?') }),
      'limit~1': row('limit~1', { status: 'waiting', waiting_for: 'prompt', attention: attention('waiting', 100, 'Hit its limit, resets 3pm') }),
      'broken~1': row('broken~1', {
        status: 'failed',
        ended_at: ago(400),
        attention: attention('failed', 400, 'Test: failed'),
        tests: { passed: 54, failed: 3 },
      }),
      'crash~1': row('crash~1', { status: 'abandoned', ended_at: ago(90), attention: attention('failed', 90, 'Its process is gone') }),
      'silent~1': row('silent~1', {
        status: 'stalled',
        last_work_at: ago(1_300),
        activity: { kind: 'tool', text: 'Bash cargo test', since: ago(1_300) },
        attention: attention('stalled', 400, 'No work for 15 minutes'),
      }),
      'money~1': row('money~1', {
        activity: { kind: 'tool', text: 'Read src/price.rs', since: ago(30) },
        attention: attention('budget', 60, 'budget of $5.00 used up', { level: 'exceeded' }),
      }),
    };
    mock.put('sessions', { sessions: { ...needs, ...working }, total: 12, problems: {} });
    await page.setViewportSize(viewport);
    await page.goto(mock.url);
    const links = page.getByRole('region', { name: 'Needs you 7' }).getByRole('link');
    await expect(links).toHaveCount(7);
    const names = [
      /^needs approval asks .*Wants to run: rm -rf build && npm run build .*4m \d\ds since \d\d:\d\d$/,
      /^asks a question question .*Which unit\? .*2m \d\ds since \d\d:\d\d$/,
      /^stopped by an error limit .*Hit its limit, resets 3pm .*1m \d\ds since \d\d:\d\d$/,
      /^crashed crash .*Its process is gone .*1m \d\ds since \d\d:\d\d$/,
      /^failed broken .*Test: 3 of 57 tests failed .*6m \d\ds since \d\d:\d\d$/,
      /^stalled silent .*Silent during Bash cargo test .*21m \d\ds since \d\d:\d\d$/,
      /^over budget money .*Budget of \$5\.00 used up Read src\/price\.rs \d\ds .*1m \d\ds since \d\d:\d\d$/,
    ];
    for (const [at, name] of names.entries()) {
      await expect(links.nth(at)).toHaveAccessibleName(name);
      await expect(links.nth(at)).toBeInViewport({ ratio: 1 });
    }
    for (let at = 0; at < 5; at += 1) {
      const working = page.getByRole('link', { name: new RegExp(`^running work-${at} .*Edit src/part-${at}.rs 1\\ds`) });
      await expect(working).toBeInViewport({ ratio: 0.9 });
    }
    await expect(page.locator('[data-session="work-2~1"]')).toContainText('attempt 2');
    // No badge runs into what stands beside it.
    const overlaps = await page
      .locator('[data-need] a')
      .evaluateAll(
        (all) =>
          all.filter((one) => one.querySelector('.badge')!.getBoundingClientRect().right > one.querySelector('.who')!.getBoundingClientRect().left).length,
      );
    expect(overlaps).toBe(0);
  });
}

test('what is acknowledged stays away, also after a reload, until something else happens', async ({ page }) => {
  await page.goto(mock.url);
  await page.getByRole('button', { name: 'Acknowledge invoice-portal' }).click();
  await expect(page.locator(`[data-need="${ASKS}"]`)).toHaveCount(0);
  await expect(page.locator(`[data-session="${ASKS}"]`)).toBeVisible();
  await expect(page).toHaveTitle('(1) Forgecast');
  await page.reload();
  await expect(page.locator(`[data-need="${FAILED}"]`)).toBeVisible();
  await expect(page.locator(`[data-need="${ASKS}"]`)).toHaveCount(0);
  mock.patch('sessions', { sessions: { [ASKS]: { attention: { seq: 2, text: 'Wants to run: ls' } } } });
  await expect(page.locator(`[data-need="${ASKS}"]`)).toContainText('Wants to run: ls');
  mock.patch('sessions', { sessions: { [ASKS]: { status: 'running', attention: null, waiting_for: null }, [FAILED]: null } });
  await expect(page.locator('[data-need]')).toHaveCount(0);
  await expect(page).toHaveTitle('Forgecast');
  await expect.poll(() => icon(page)).toMatch(/icon\.svg$/);
});

test('each row says what it is doing and for how long, and a change touches only that', async ({ page }) => {
  await page.goto(mock.url);
  const doing = page.locator(`[data-session="${WORKS}"] .activity`);
  await expect(doing).toContainText(/Edit src\/sync\/queue\.rs\s*1\ds\s*↺ attempt 2\s*3 sub-agents/);
  await watchNodes(page);
  mock.patch('sessions', { sessions: { [WORKS]: { activity: { text: 'Bash cargo test', since: new Date().toISOString() } } } });
  await expect(doing).toContainText(/Bash cargo test\s*\ds/);
  const changed = await changedNodes(page);
  expect(changed.filter((node) => !node.startsWith(WORKS))).toEqual([]);
  expect(changed.filter((node) => node.endsWith('childList') || node.endsWith('class'))).toEqual([]);
});

test('few sessions are cards, many are rows of 40 pixels, in groups where that is chosen', async ({ page }) => {
  await page.goto(mock.url);
  await expect(page.locator('.session-card')).toHaveCount(2);
  mock.put('sessions', { sessions: many(40), total: 40, problems: {} });
  await page.reload();
  const sessions = page.locator('[data-session]');
  await expect(sessions.first()).toBeVisible();
  await expect(page.locator('.session-card')).toHaveCount(0);
  expect((await sessions.first().boundingBox())?.height).toBe(40);
  await page.getByLabel('Group').selectOption('project');
  await expect(page.getByRole('heading', { name: 'garden 20' })).toBeVisible();
  await expect(page.getByRole('option', { name: 'by host' })).toHaveCount(0);
});

test('what was chosen stands in the address and survives a reload', async ({ page }) => {
  mock.put('sessions', { sessions: many(40), total: 40, problems: {} });
  await page.goto(mock.url);
  await page.getByRole('button', { name: /^all/ }).click();
  await page.getByRole('searchbox').fill('other-1');
  await page.getByLabel('Sort').selectOption('name');
  await page.getByLabel('Group').selectOption('project');
  await expect(page).toHaveURL(`${mock.url}/?tab=all&q=other-1&sort=name&group=project`);
  await page.reload();
  await expect(page.getByRole('searchbox')).toHaveValue('other-1');
  await expect(page.locator('[data-session]')).toHaveCount(11);
  await expect(page.getByRole('button', { name: /^all/ })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByLabel('Group')).toHaveValue('project');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await expect(page.locator('[data-session="other-10~1"].chosen, [data-session="other-12~1"].chosen')).toHaveCount(1);
});

for (const [name, viewport] of [
  ['a wide screen', { width: 1600, height: 1000 }],
  ['a laptop', { width: 1280, height: 800 }],
  ['the narrowest on which it stands beside the panels', { width: 1100, height: 800 }],
  ['a tablet', { width: 900, height: 1100 }],
] as const) {
  test(`the live tail of a session is in the first screen: ${name}`, async ({ page }) => {
    await page.setViewportSize(viewport);
    mock.append(`log/${WORKS}`, logLines(300));
    await page.goto(`${mock.url}/session/${WORKS}`);
    const last = page.locator('[data-panel="log"] .line').last();
    await expect(last).toBeVisible();
    await expect.poll(async () => ((await last.boundingBox())?.y ?? Infinity) + 20).toBeLessThanOrEqual(viewport.height);
    // The tools stand in one line above it, and the lines take all that is below.
    const [panel, lines] = [page.locator('[data-panel="log"]'), page.locator('[data-panel="log"] .lines')];
    const bottoms = await Promise.all([panel, lines].map(async (one) => one.evaluate((element) => element.getBoundingClientRect().bottom)));
    expect(bottoms[0]).toBeLessThanOrEqual(viewport.height);
    expect(bottoms[0]! - bottoms[1]!).toBeLessThan(24);
    mock.append(`log/${WORKS}`, [{ at: ago(0), text: 'the newest line' }]);
    await expect(page.getByText('the newest line')).toBeInViewport();
  });
}

test('the page of a failed session begins with why, and jumps to the line that says so', async ({ page }) => {
  const view = richView(FAILED) as { phases: Record<string, { status: string }> };
  view.phases['Test']!.status = 'failed';
  mock.put(`session/${FAILED}`, { ...view, name: 'chess-clock', status: 'failed', status_reason: '3 of 57 tests still fail', ended_at: ago(400) });
  mock.append(`log/${FAILED}`, [
    ...logLines(200),
    { at: ago(401), level: 'error', text: 'the reason of all' },
    ...Array.from({ length: 300 }, () => ({ at: ago(1), text: 'after it' })),
  ]);
  await page.goto(`${mock.url}/session/${FAILED}`);
  const why = page.getByRole('region', { name: 'Why it failed' });
  await expect(why).toContainText('Failed in Test, run 2: 3 of 57 tests still fail');
  await expect(page.getByText('the reason of all')).not.toBeInViewport();
  await why.getByRole('button', { name: 'Show in the log' }).click();
  await expect(page.getByText('the reason of all').first()).toBeInViewport();
  await expect(page.getByRole('button', { name: 'Paused' })).toBeVisible();
});

test('without a connection one banner says so and since when, and all that is shown is grey', async ({ page }) => {
  await page.clock.install();
  await page.goto(mock.url);
  await expect(page.locator(`[data-need="${ASKS}"]`)).toBeVisible();
  await mock.stop();
  await expect(page.locator('[data-connection="waiting"]')).toBeVisible();
  await expect(page.getByText(/No connection for/)).toHaveCount(0);
  await page.clock.fastForward(20_000);
  await expect(page.getByText(/No connection for \d+s, showing \d\d:\d\d:\d\d/)).toBeVisible();
  await expect(page.locator('main')).toHaveCSS('filter', 'grayscale(1)');
  await mock.start();
  await page.clock.runFor(60_000);
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
  await expect(page.getByText(/No connection for/)).toHaveCount(0);
});

test('a log that follows its end goes on following when the window changes its height', async ({ page }) => {
  mock.append(`log/${WORKS}`, logLines(300));
  await page.goto(`${mock.url}/session/${WORKS}`);
  await expect(page.locator('[data-panel="log"] .line').last()).toBeInViewport();
  for (const height of [3_000, 750, 2_000, 900]) {
    await page.setViewportSize({ width: 1280, height });
    await expect(page.locator('[data-panel="log"] [data-line="299"]')).toBeInViewport();
  }
  await expect(page.getByRole('button', { name: 'Following' })).toBeVisible();
});
