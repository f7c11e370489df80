// Much at once: five thousand sessions and a log of a million lines, through the real binary. Nothing here waits for a
// time: long tasks are those that take the processor long, however busy the machine is with others.

import { Forgecast, type Project } from '../support/forgecast.ts';
import { axeViolations, expect, test } from '../support/page.ts';
import { changedNodes, fewestLongTasks, named, push, sessions, tokens, watchNodes } from '../support/scale.ts';

const MANY = 5_000;
const LINES = 1_000_000;
const ROUNDS = 3;

test.describe('five thousand sessions', () => {
  let forgecast: Forgecast;
  test.beforeAll(async () => {
    forgecast = new Forgecast();
    await forgecast.start();
    await sessions(forgecast.url, MANY);
  });
  test.afterAll(() => forgecast.remove());

  test('scroll, are filtered and change twenty a second without a long task', async ({ page }) => {
    await page.goto(forgecast.url);
    const list = page.getByRole('region', { name: 'Sessions' });
    await expect(page.getByRole('button', { name: /^active/ })).toContainText('5,000');
    expect(await page.locator('[data-session]').count()).toBeLessThan(60);
    let output = 0;
    const change = async () => {
      output += 1;
      const rows = Array.from({ length: 20 }, (_, at) => tokens(named(MANY - 1 - ((at * 37 + output * 11) % 400)), output));
      await push(forgecast.url, rows);
    };
    const tasks = await fewestLongTasks(page, ROUNDS, async () => {
      await list.hover();
      for (let step = 0; step < 20; step += 1) {
        if (step % 5 === 0) await change();
        await page.mouse.wheel(0, 900);
        await page.waitForTimeout(40);
      }
      for (const part of [0.5, 0.9, 0.1, 0]) {
        await list.evaluate((view, at) => (view.scrollTop = at * view.scrollHeight), part);
        await page.waitForTimeout(100);
      }
      await change();
      await page.getByLabel('Filter sessions').pressSequentially('build-49', { delay: 30 });
      await expect(page.locator('[data-session="build-4999~1"]')).toBeVisible();
      await expect(page.locator('[data-session="build-4888~1"]')).toHaveCount(0);
      await page.getByLabel('Filter sessions').fill('');
      for (const order of ['name', 'tokens', 'started']) await page.getByLabel('Sort').selectOption(order);
    });
    expect(tasks.processor, `by the clock ${tasks.clock.join(', ')} ms`).toEqual([]);
  });

  test('of which one changes touch the nodes that show it and no others', async ({ page }) => {
    const id = `${named(MANY - 2)}~1`;
    await page.goto(forgecast.url);
    const used = page.locator(`[data-session="${id}"] .usage`);
    await push(forgecast.url, [tokens(named(MANY - 2), 1_000_000)]);
    await expect(used).toContainText('M tok');
    // The totals come by a request of their own, perhaps after the row.
    await expect(page.locator('[data-total="tokens"]')).toBeVisible();
    const before = await used.textContent();
    await watchNodes(page);
    await push(forgecast.url, [tokens(named(MANY - 2), 1_000_000)]);
    await expect(used).not.toHaveText(before ?? '');
    const changed = await changedNodes(page);
    // Its number and, in words, its exact number; nothing is made anew.
    expect(changed.filter((node) => !node.startsWith(id))).toEqual([]);
    expect(changed.filter((node) => node.endsWith('characterData')).length).toBeLessThanOrEqual(2);
    expect(changed.filter((node) => node.endsWith('childList') || node.endsWith('class'))).toEqual([]);
    expect(changed.length).toBeLessThanOrEqual(4);
  });

  test('keep what is in sight when others come, and are where they were when one comes back', async ({ page }) => {
    await page.goto(forgecast.url);
    const list = page.getByRole('region', { name: 'Sessions' });
    const inSight = () =>
      list.evaluate((view) => {
        const top = view.getBoundingClientRect().top;
        const row = [...view.querySelectorAll('[data-session]')].find((one) => one.getBoundingClientRect().top >= top)!;
        return [row.getAttribute('data-session'), Math.round(row.getBoundingClientRect().top - top)];
      });
    await expect(page.locator('[data-session="build-4999~1"]')).toBeVisible();
    await list.evaluate((view) => (view.scrollTop = 12_345));
    await expect.poll(inSight).not.toEqual(['build-4999~1', 0]);
    const before = await inSight();
    const now = new Date().toISOString();
    await push(
      forgecast.url,
      [1, 2, 3].map((number) => ({ session: `late-${number}`, type: 'phase_reported', phase: 'Scout', status: 'in_progress', started_at: now })),
    );
    await expect(page.getByRole('button', { name: /^active/ })).toContainText('5,003');
    await expect.poll(inSight).toEqual(before);
    expect(await list.evaluate((view) => view.scrollTop)).toBeGreaterThan(12_345);

    await page.locator(`[data-session="${before[0]}"]`).click();
    await expect(page.getByRole('heading', { level: 1, name: String(before[0]).replace('~1', '') })).toBeVisible();
    await page.goBack();
    await expect.poll(inSight).toEqual(before);
  });

  test('are gone through by keyboard, and say how many they are', async ({ page }) => {
    await page.goto(forgecast.url);
    const list = page.getByRole('region', { name: 'Sessions' });
    await expect(list.getByRole('listitem').first()).toBeVisible();
    await page.keyboard.press('End');
    await expect(page.locator(`[data-session="${named(0)}~1"].chosen`)).toBeInViewport();
    const last = list.getByRole('listitem').filter({ has: page.locator(`[data-session="${named(0)}~1"]`) });
    const size = Number(await last.getAttribute('aria-setsize'));
    expect(size).toBeGreaterThanOrEqual(MANY);
    await expect(last).toHaveAttribute('aria-posinset', String(size));
    await page.keyboard.press('PageUp');
    await page.keyboard.press('PageUp');
    await expect(page.locator('[data-session].chosen')).toBeInViewport();
    await expect(page.locator(`[data-session="${named(0)}~1"]`)).not.toBeInViewport();
    await page.keyboard.press('Home');
    await expect.poll(() => list.evaluate((view) => view.scrollTop)).toBe(0);
    expect(await axeViolations(page)).toEqual([]);
  });
});

test('a change of one field of a session touches the nodes that show it', async ({ page }) => {
  const forgecast = new Forgecast();
  await forgecast.start();
  try {
    await sessions(forgecast.url, 1);
    const session = named(0);
    const task = (task_id: string, status: string) => ({ session, type: 'task_reported', task_id, status, description: `the ${task_id}` });
    await push(forgecast.url, [tokens(session, 1_000_000), ...['one', 'two', 'three'].map((id) => task(id, 'pending'))]);
    await page.goto(`${forgecast.url}/session/${session}`);
    await expect(page.locator('[data-task="three"]')).toBeVisible();
    // What is loaded later is no part of the change.
    await expect(page.locator('[data-panel="usage"] canvas')).toBeVisible();
    await watchNodes(page);
    await push(forgecast.url, [task('two', 'completed')]);
    await expect(page.locator('[data-task="two"]')).toHaveClass(/completed/);
    const changed = await changedNodes(page);
    // How long the phase goes on already ticks.
    expect(changed.filter((node) => !/^(progress|header|timeline|page)\b|^pipeline span: characterData$/.test(node))).toEqual([]);
    expect(changed.filter((node) => node.startsWith('progress') && node.endsWith('childList'))).toEqual([]);
    expect(changed.filter((node) => node.startsWith('progress')).length).toBeLessThanOrEqual(8);
  } finally {
    await forgecast.remove();
  }
});

test.describe('a log of a million lines', () => {
  test.describe.configure({ timeout: 180_000 });
  let forgecast: Forgecast;
  let project: Project;
  const FILE = '.context-foundry/build-output-1.txt';

  test.beforeAll(async () => {
    test.setTimeout(120_000);
    forgecast = new Forgecast({ FORGECAST_STORE_LOG_LINES_PER_SESSION: String(2 * LINES) });
    project = forgecast.project('long');
    project.phase('Builder', '3', { phases_completed: ['Scout', 'Architect'] });
    let text = '';
    // Short lines: what is read of a file at first sight is bounded.
    for (let at = 0; at < LINES; at += 1) text += at % 1_000 === 0 ? `ERR ${at}\n` : at === 777_777 ? `${'long '.repeat(3_000)}\n` : `step ${at}\n`;
    project.write(FILE, text);
    await forgecast.start();
    const end = async () => {
      const answer = await fetch(`${forgecast.url}/api/v1/sessions/long/log?offset=0&limit=1`);
      return answer.ok ? ((await answer.json()) as { end_offset: number }).end_offset : 0;
    };
    await expect.poll(end, { timeout: 100_000, intervals: [500] }).toBe(LINES);
  });
  test.afterAll(() => forgecast.remove());

  test.beforeEach(async ({ page }) => {
    await page.goto(`${forgecast.url}/session/long~1`);
    await expect(page.locator('.line').last()).toBeInViewport();
  });

  test('is scrolled from end to end without a long task, and little of it is in the page', async ({ page }) => {
    const log = page.getByRole('region', { name: 'Log lines' });
    const tasks = await fewestLongTasks(page, ROUNDS, async () => {
      await log.hover();
      for (let step = 0; step < 20; step += 1) {
        await page.mouse.wheel(0, -700);
        await page.waitForTimeout(40);
      }
      for (const part of [0.5, 0.77, 0.1, 0.99, 0]) {
        await log.evaluate((view, at) => (view.scrollTop = at * (view.scrollHeight - view.clientHeight)), part);
        await page.waitForTimeout(150);
      }
      await expect(page.locator('[data-line="0"] .text')).toHaveText('ERR 0');
    });
    expect(tasks.processor, `by the clock ${tasks.clock.join(', ')} ms`).toEqual([]);
    await log.evaluate((view) => (view.scrollTop = (view.scrollHeight - view.clientHeight) / 2));
    await expect(page.locator('[data-line="500000"]')).toBeInViewport();
    await expect(page.locator('[data-line="500000"] .text')).toHaveText('ERR 500000');
    expect(await log.getByRole('listitem').count()).toBeLessThan(150);
    // A wheel moves by lines, however little of the bar that is.
    const top = () =>
      log.evaluate((view) =>
        Number(
          [...view.querySelectorAll('.line')].find((line) => line.getBoundingClientRect().bottom > view.getBoundingClientRect().top)!.getAttribute('data-line'),
        ),
      );
    const before = await top();
    await log.hover();
    await page.mouse.wheel(0, 200);
    await expect.poll(top).toBe(before + 10);
    await log.focus();
    await page.keyboard.press('End');
    await expect(page.locator('.line').last()).toBeInViewport();
    await page.keyboard.press('Home');
    await expect(page.locator('[data-line="0"]')).toBeInViewport();
  });

  test('stands still while it is paused, says what came, and follows again', async ({ page }) => {
    const log = page.getByRole('region', { name: 'Log lines' });
    // The panels above have their height once the last line stands still, so that the end stays where it is.
    await page.locator('.line').last().click({ trial: true });
    await page.keyboard.press('f');
    await expect(page.getByRole('button', { name: 'Paused' })).toBeVisible();
    const shown = await log.evaluate((view) => {
      const { bottom } = view.getBoundingClientRect();
      const lines = [...view.querySelectorAll('.line')].filter((line) => line.getBoundingClientRect().bottom <= bottom);
      return lines.at(-1)!.getAttribute('data-line');
    });
    const place = () => page.locator(`[data-line="${shown}"]`).boundingBox();
    const before = await place();
    const end = await log.evaluate((view) => Math.max(...[...view.querySelectorAll('.line')].map((line) => Number(line.getAttribute('data-line')))));
    project.append(FILE, Array.from({ length: 300 }, (_, at) => `late ${at}\n`).join(''));
    await expect(page.getByRole('button', { name: /300 new lines/ })).toBeVisible();
    expect(await place()).toEqual(before);
    await page.getByRole('button', { name: /new lines/ }).click();
    await expect(page.locator(`[data-line="${end + 300}"]`)).toBeInViewport();
    await expect(page.getByRole('button', { name: 'Following' })).toBeVisible();
    // What is marked stays marked, and is not carried away.
    await page.locator(`[data-line="${end + 298}"] .text`).selectText();
    project.append(FILE, 'one more\n');
    await expect(page.getByRole('button', { name: /1 new line/ })).toBeVisible();
    expect(await page.evaluate(() => String(getSelection()))).toContain('late 297');
  });

  test('is searched on the server, and one goes from match to match and to a time', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const panel = page.locator('[data-panel="log"]');
    await page.getByLabel('Search the log').fill('err');
    await expect(panel.getByText('1,000 matches')).toBeVisible({ timeout: 60_000 });
    const log = page.getByRole('region', { name: 'Log lines' });
    await expect(page.locator('[data-line="999000"] mark')).toHaveText('ERR');
    await log.focus();
    await page.keyboard.press('Home');
    await expect(page.locator('[data-line="0"]')).toBeInViewport();
    await page.locator('[data-line="3000"]').click();
    await page.getByRole('button', { name: 'Show in context' }).click();
    await expect(page.locator('[data-line="2999"] .text')).toHaveText('step 2999');
    await page.keyboard.press('n');
    await expect(page.locator('[data-line="4000"].selected')).toBeInViewport();
    await expect(panel.getByText('5 of 1,000 matches')).toBeVisible();
    await page.keyboard.press('N');
    await page.keyboard.press('N');
    await expect(page.locator('[data-line="2000"].selected')).toBeInViewport();
    // What the bar at the top half covers is no matter of the log.
    await page.evaluate(() => window.scrollTo(0, 0));
    expect(await axeViolations(page)).toEqual([]);

    // A choice of lines is copied whole, also where it is not in the page.
    await page.locator('[data-line="2003"]').click({ modifiers: ['Shift'] });
    await panel.getByRole('button', { name: 'Copy', exact: true }).click();
    await expect(panel.getByRole('button', { name: 'Copied' })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('ERR 2000\nstep 2001\nstep 2002\nstep 2003');

    await page.getByLabel('Search the log').fill('');
    await panel.getByRole('button', { name: 'Go to time' }).click();
    await page.getByLabel('Time to go to').fill('2000-01-01T00:00:00');
    await page.keyboard.press('Enter');
    await expect(page.locator('[data-line="0"].selected')).toBeInViewport();
    await panel.getByRole('button', { name: 'Go to time' }).click();
    await page.getByLabel('Time to go to').fill('2100-01-01T00:00:00');
    await page.keyboard.press('Enter');
    const selected = page.locator('.line.selected');
    await expect.poll(async () => Number(await selected.getAttribute('data-line'))).toBeGreaterThanOrEqual(LINES - 1);
    await expect(selected).toBeInViewport();
  });

  test('wraps its long lines when asked to', async ({ page }) => {
    await page.getByLabel('Search the log').fill('long long');
    const line = page.locator('[data-line="777777"]');
    await expect(line).toBeVisible({ timeout: 60_000 });
    await page.locator('[data-line="777777"]').click();
    await page.getByRole('button', { name: 'Show in context' }).click();
    await expect(line).toBeInViewport();
    expect((await line.boundingBox())!.height).toBe(20);
    await page.getByRole('button', { name: 'Wrap' }).click();
    await expect.poll(async () => (await line.boundingBox())!.height).toBeGreaterThan(100);
    const after = (await page.locator('[data-line="777778"]').boundingBox())!;
    const box = (await line.boundingBox())!;
    expect(Math.round(after.y)).toBe(Math.round(box.y + box.height));
    const log = page.getByRole('region', { name: 'Log lines' });
    expect(await log.evaluate((view) => view.scrollWidth <= view.clientWidth)).toBe(true);
    await log.focus();
    await page.keyboard.press('End');
    await expect(page.locator('.line').last()).toBeInViewport();
  });
});

test('a log whose oldest lines were forgotten says so and begins with the first that is kept', async ({ page }) => {
  const forgecast = new Forgecast({ FORGECAST_STORE_LOG_LINES_PER_SESSION: '1000' });
  try {
    const project = forgecast.project('short');
    project.phase('Builder', '3');
    await forgecast.start();
    const lines = (from: number, before: number) => Array.from({ length: before - from }, (_, at) => `step ${from + at}\n`).join('');
    project.append('.context-foundry/build-output-1.txt', lines(0, 2_500));
    await page.goto(`${forgecast.url}/session/short~1`);
    await expect(page.locator('[data-line="2499"]')).toBeVisible();
    await page.getByRole('region', { name: 'Log lines' }).focus();
    await page.keyboard.press('Home');
    await expect(page.locator('[data-field="forgotten"]')).toContainText('1,500 earlier lines were removed');
    await page.keyboard.press('Home');
    await expect(page.locator('[data-line="1500"] .text')).toHaveText('step 1500');
    await expect(page.locator('[data-line="1499"]')).toHaveCount(0);
  } finally {
    await forgecast.remove();
  }
});
