// How the page behaves when the other end does what the real server does not do on purpose: loses messages, goes away,
// speaks another version, sends hostile or huge states.

import type { Page } from '@playwright/test';
import { Mock } from '../support/mock.ts';
import { axeViolations, expect, test } from '../support/page.ts';
import { ago, logLines, richView, row, rows } from '../support/states.ts';

const ID = 'weather-app~1';
let mock: Mock;

test.beforeEach(async ({ assets }) => {
  mock = new Mock(assets);
  mock.put('sessions', { sessions: rows(), total: 20, problems: {} });
  mock.put(`session/${ID}`, richView(ID));
  mock.append(`log/${ID}`, logLines(40));
  await mock.start();
});
test.afterEach(() => mock.stop());

test('a patch changes what it names and leaves every other node alone', async ({ page }) => {
  await page.goto(`${mock.url}/session/${ID}`);
  const percent = page.locator('[data-field="percent"]');
  await expect(percent).toHaveText('47%');
  // The chart comes a moment later; here it has nothing to draw.
  await expect(page.getByText('The server does not respond. Retrying.')).toBeVisible();
  await page.evaluate(() => {
    const seen: string[] = [];
    (globalThis as unknown as { seen: string[] }).seen = seen;
    new MutationObserver((changes) => {
      for (const { target, type } of changes) {
        const element = target instanceof Element ? target : target.parentElement;
        const panel = element?.closest('[data-panel]')?.getAttribute('data-panel') ?? 'none';
        // What ticks (ages, elapsed) changes by itself.
        if (!element?.closest('.fresh, [data-field="elapsed"], [data-field="burn"], [data-field="projection"], [data-panel="header"], .facts'))
          seen.push(`${panel} ${type}`);
      }
    }).observe(document.querySelector('main')!, { subtree: true, childList: true, characterData: true });
  });
  mock.patch(`session/${ID}`, { progress: { percent: 52 } });
  await expect(percent).toHaveText('52%');
  const seen = await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
  expect(seen).toEqual(['progress characterData']);
});

test('a self-healing loop is visible as attempts', async ({ page }) => {
  await page.goto(`${mock.url}/session/${ID}`);
  await expect(page.locator('[data-phase="Architect"]')).toContainText('×2');
  await expect(page.getByText('Retrying: Builder (attempt 2)')).toBeVisible();
  mock.patch(`session/${ID}`, { phases: { Builder: { attempts: 3 } } });
  await expect(page.locator('[data-phase="Builder"]')).toContainText('×3');
});

test('a message that was lost is noticed at the next heartbeat and asked for', async ({ page }) => {
  await page.goto(`${mock.url}/session/${ID}`);
  await expect(page.locator('[data-field="percent"]')).toHaveText('47%');
  mock.patch(`session/${ID}`, { progress: { percent: 60 } }, { lost: true });
  await expect(page.locator('[data-field="percent"]')).toHaveText('60%');
  expect(mock.received).toContainEqual({ type: 'subscribe', topic: `session/${ID}`, epoch: '0000000b', revision: 1 });
});

test('while the server is away the page says so and keeps what it shows; when it is back it goes on from there', async ({ page }) => {
  await page.goto(`${mock.url}/session/${ID}`);
  const chip = page.locator('[data-panel="progress"] .fresh');
  await expect(chip).toHaveAttribute('data-level', 'fresh');
  await expect(page.locator('[data-panel="log"] .line').first()).toBeVisible();
  await page.evaluate(() => document.querySelector('[data-panel="progress"]')!.setAttribute('data-kept', ''));

  await mock.stop();
  await expect(page.locator('[data-connection="waiting"]').getByRole('status')).toHaveText('Reconnecting');
  await expect(page.locator('[data-connection]')).toContainText(/in \d+s/);
  await expect(chip).toHaveAttribute('data-level', 'aging');
  await expect(page.locator('[data-field="percent"]')).toHaveText('47%');

  mock.received.length = 0;
  mock.patch(`session/${ID}`, { progress: { percent: 71 } }, { lost: true });
  await mock.start();
  await expect(page.locator('[data-field="percent"]')).toHaveText('71%');
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
  await expect(chip).toHaveAttribute('data-level', 'fresh');
  await expect(page.locator('[data-panel="progress"][data-kept]'), 'the panel was not made anew').toBeVisible();
  expect(mock.received).toContainEqual({ type: 'subscribe', topic: `log/${ID}`, offset: 40 });
});

test('a server of another version is noticed', async ({ page }) => {
  mock.protocol = 2;
  await page.goto(mock.url);
  await expect(page.getByRole('alert')).toContainText('The server was updated.');
});

test('a session that does not exist says so, and appears once it does', async ({ page }) => {
  await page.goto(`${mock.url}/session/later~1`);
  await expect(page.getByText('No such session')).toBeVisible();
  mock.put('session/later~1', { ...richView('later~1'), name: 'later' });
  await expect(page.getByRole('heading', { name: 'later', level: 1 })).toBeVisible({ timeout: 30_000 });
});

test('a bare name leads to the run that it means, and the address says which', async ({ page }) => {
  await page.goto(`${mock.url}/session/weather-app`);
  await expect(page.getByRole('heading', { name: 'weather-app', level: 1 })).toBeVisible();
  await expect(page).toHaveURL(`${mock.url}/session/${ID}`);
});

/** What reaches beyond the right edge of the page without being inside something that clips or scrolls. */
async function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= window.innerWidth) return [];
    const held = (element: Element) => {
      for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
        if (getComputedStyle(at).overflowX !== 'visible') return true;
      }
      return false;
    };
    return [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1 && !held(element))
      .map((element) => `${element.closest('[data-panel]')?.getAttribute('data-panel')} ${element.tagName}.${element.className}`);
  });
}

test('text from agents stays text', async ({ page }) => {
  const hostile = [
    '<img src=x onerror="alert(1)">',
    '<script>alert(1)</script>',
    '"><svg onload=alert(1)>',
    "javascript:alert('x')",
    '{{constructor.constructor("alert(1)")()}}',
    '${alert(1)}',
    '</title><iframe srcdoc="<script>parent.alert(1)</script>">',
    '\u202Egnp.exe \u0007 \u200B',
    'W'.repeat(10_000),
    '👩‍👩‍👧‍👦'.repeat(500),
    'مرحبا بالعالم',
  ];
  for (const [at, text] of hostile.entries()) {
    const view = JSON.parse(JSON.stringify(richView(ID)), (key, value: unknown) => {
      const fixed = ['id', 'source', 'status', 'kind', 'level', 'order'].includes(key) || /_at$|^at$/.test(key);
      return typeof value === 'string' && !fixed ? text : value;
    }) as Record<string, unknown>;
    for (const section of ['phases', 'agents', 'patterns', 'artifacts', 'links'] as const) {
      const held = view[section] as Record<string, unknown>;
      view[section] = { ...held, [text]: Object.values(held)[0] };
    }
    mock.put(`session/h${at}~1`, { ...view, id: `h${at}~1`, status: 'running' });
    mock.append(`log/h${at}~1`, [{ at: ago(1), text, from: text, spans: [{ start: 0, end: 4, style: text }] }]);
    mock.topics.get('sessions')!.state['sessions'] = { [`h${at}~1`]: row(`h${at}~1`, { name: text, task: text, project: text, status_reason: text }) };
    await page.goto(`${mock.url}/session/h${at}~1`);
    await expect(page.locator('[data-panel="log"] .line').first()).toBeVisible();
    for (const details of await page.locator('details').all()) await details.evaluate((element) => ((element as HTMLDetailsElement).open = true));
    expect(await page.locator('script:not([src]), iframe, img[onerror], svg[onload]').count()).toBe(0);
    expect(await page.locator('a[href^="javascript" i]').count()).toBe(0);
    expect(await tooWide(page), `too wide with ${text.slice(0, 20)}`).toEqual([]);
    const tall = await page
      .locator('[data-panel]')
      .evaluateAll((panels) =>
        panels.map((panel) => `${panel.getAttribute('data-panel')} ${panel.clientHeight}`).filter((panel) => Number(panel.split(' ')[1]) > 1_000),
      );
    expect(tall, `too tall with ${text.slice(0, 20)}`).toEqual([]);
    if (text.startsWith('W')) await page.screenshot({ path: 'screenshots/hostile-dark-desktop.png' });
    await page.goto(mock.url);
    await expect(page.locator(`[data-session="h${at}~1"]`)).toBeVisible();
  }
});

test('five thousand sessions are a few dozen nodes', async ({ page }) => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`s${at}~1`, row(`s${at}~1`, { started_at: ago(at) })]));
  mock.put('sessions', { sessions: many, total: 5_000, problems: {} });
  await page.goto(mock.url);
  await expect(page.locator('[data-session]').first()).toBeVisible();
  expect(await page.locator('[data-session]').count()).toBeLessThan(60);
  await page.getByRole('region', { name: 'Sessions' }).evaluate((list) => (list.scrollTop = list.scrollHeight));
  await expect(page.locator('[data-session="s4999~1"]')).toBeVisible();
  await page.getByRole('searchbox').fill('s4321');
  await expect(page.locator('[data-session]')).toHaveCount(1);
});

test('coming back from a session finds the overview as it was', async ({ page }) => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`s${at}~1`, row(`s${at}~1`, { started_at: ago(at) })]));
  mock.put('sessions', { sessions: { ...many, 'done~1': row('done~1', { status: 'completed' }) }, total: 201, problems: {} });
  mock.put('session/s150~1', { ...richView('s150~1'), name: 's150' });
  await page.goto(mock.url);
  const list = page.getByRole('region', { name: 'Sessions' });
  await expect(page.locator('[data-session]').first()).toBeVisible();
  await list.evaluate((view) => (view.scrollTop = 148 * 40));
  await page.locator('[data-session="s150~1"]').click();
  await expect(page.getByRole('heading', { name: 's150', level: 1 })).toBeVisible();
  await page.goBack();
  await expect(page.locator('[data-session="s150~1"]')).toBeVisible();
  await page.getByRole('button', { name: /^completed/i }).click();
  await page.getByRole('searchbox').fill('done');
  await page.locator('[data-session="done~1"]').click();
  await page.getByRole('navigation').getByRole('link', { name: 'Sessions' }).click();
  await expect(page.locator('[data-session]')).toHaveCount(1);
  await expect(page.getByRole('searchbox')).toHaveValue('done');
});

test('everything is reached by keyboard', async ({ page }) => {
  await page.goto(mock.url);
  await expect(page.locator('[data-session]').first()).toBeVisible();
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.type('weather');
  await expect(page.locator('[data-session]')).toHaveCount(1);
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'weather-app', level: 1, exact: true })).toBeVisible();
  await page.keyboard.press('f');
  await expect(page.getByRole('button', { name: 'Paused' })).toBeVisible();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toContainText('Next, previous session');
  expect(await axeViolations(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.keyboard.press('Escape');
  // What was filtered for is still there.
  await expect(page).toHaveURL(`${mock.url}/?q=weather`);
});

test('the log follows its end until somebody scrolls up, filters and searches', async ({ page }) => {
  mock.append(`log/${ID}`, logLines(1_000));
  await page.goto(`${mock.url}/session/${ID}`);
  const log = page.getByRole('region', { name: 'Log lines' });
  const lines = page.locator('[data-panel="log"] .line');
  const atEnd = () => log.evaluate((view) => view.scrollHeight - view.scrollTop - view.clientHeight < 5);
  await expect.poll(atEnd).toBe(true);
  mock.append(`log/${ID}`, [{ at: ago(0), text: 'the newest line' }]);
  await expect(page.getByText('the newest line')).toBeVisible();
  await log.evaluate((view) => (view.scrollTop = 0));
  await expect(page.getByRole('button', { name: 'Paused' })).toBeVisible();
  mock.append(`log/${ID}`, [{ at: ago(0), text: 'one that must not move it' }]);
  mock.heartbeat();
  expect(await log.evaluate((view) => view.scrollTop)).toBe(0);
  await page.getByLabel('Search the log').fill('must not');
  await expect(lines).toHaveCount(1);
  await page.getByLabel('Search the log').fill('');
  await page.getByLabel('Minimum level').selectOption('error');
  await expect(lines.first()).toContainText('AssertionError');
  await lines.first().click();
  await expect(page.locator('[data-panel="log"] pre')).toContainText('AssertionError');
});

test('a panel that fails says so and the others go on', async ({ page }) => {
  mock.put('session/broken~1', { ...richView('broken~1'), decisions: { total: 1, lessons_used: 0, avg_quality: 'much' } });
  await page.goto(`${mock.url}/session/broken~1`);
  await expect(page.locator('[data-panel="decisions"]')).toContainText('Decisions unavailable');
  mock.patch('session/broken~1', { progress: { percent: 93 }, decisions: { avg_quality: 4 } });
  await expect(page.locator('[data-field="percent"]')).toHaveText('93%');
  await expect(page.locator('[data-panel="decisions"]')).toContainText('4.0 of 5');
});

test('an artifact opens as plain text', async ({ page }) => {
  await page.goto(`${mock.url}/session/${ID}`);
  await page.getByRole('button', { name: 'scout-report.md' }).click();
  await expect(page.getByRole('dialog')).toContainText('# .context-foundry/scout-report.md');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('without a session the page says how to get one, and troubles of the sources are seen', async ({ page }) => {
  mock.put('sessions', {
    sessions: {},
    total: 0,
    problems: { 'root:/srv': { kind: 'missing', message: 'the folder is not there; it is looked for again every minute', subject: '/srv/builds' } },
  });
  await page.goto(mock.url);
  await expect(page.getByText('forgecast demo', { exact: true })).toBeVisible();
  await expect(page.locator('[data-panel="problems"]')).toContainText('the folder is not there');
  expect(await axeViolations(page)).toEqual([]);
  await page.screenshot({ path: 'screenshots/empty-dark-desktop.png' });
  mock.patch('sessions', { sessions: { 'new~1': row('new~1') }, total: 1 });
  await expect(page.locator('[data-session="new~1"]')).toBeVisible();
});

test('the chosen colors stay', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(mock.url);
  await page.getByRole('button', { name: 'Switch to light theme' }).click();
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await expect(page.getByRole('button', { name: 'Switch to dark theme' })).toBeVisible();
});

test('a hundred switches between sessions leave one socket and two topics of a session', async ({ page }) => {
  let sockets = 0;
  page.on('websocket', () => (sockets += 1));
  for (const id of Object.keys(rows())) mock.put(`session/${id}`, { ...richView(id), name: id });
  await page.goto(`${mock.url}/session/${ID}`);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  for (let at = 0; at < 100; at += 1) await page.keyboard.press(at % 20 < 10 ? 'j' : 'k');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  // The last messages may still be on their way to the server.
  const followed = () => {
    const balance = new Map<string, boolean>();
    for (const { type, topic } of mock.received as { type: string; topic: string }[]) {
      balance.set(topic, type === 'subscribe');
    }
    return [...balance.values()].filter(Boolean).length;
  };
  await expect.poll(followed).toBe(3);
  expect(sockets).toBe(1);
});
