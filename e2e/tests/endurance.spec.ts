// A tab that is left open for a day: 20,000 updates of everything that a session shows leave it no larger than 5,000 did.

import type { Page } from '@playwright/test';
import { held } from '../support/heap.ts';
import { Mock } from '../support/mock.ts';
import { expect, test } from '../support/page.ts';
import { ago, logLines, richView, row } from '../support/states.ts';

const ID = 'weather-app~1';
let mock: Mock;

test.beforeEach(async ({ assets }) => {
  mock = new Mock(assets);
  await mock.start();
});
test.afterEach(() => mock.stop());

/** Sends updates in steps that the page keeps up with, as a server does that waits for slow viewers. */
async function send(page: Page, from: number, to: number, update: (at: number) => void): Promise<void> {
  for (let at = from; at < to; at += 250) {
    for (let next = at; next < Math.min(to, at + 250); next += 1) update(next);
    const last = Math.min(to, at + 250) - 1;
    await expect(page.locator('body')).toContainText(`update ${last}.`);
  }
}

/** Sends 20,000 updates; what the page holds may be `bytes` more than after 5,000, and hardly more nodes and listeners. */
async function staysSmall(page: Page, update: (at: number) => void, bytes: number): Promise<void> {
  await send(page, 0, 5_000, update);
  const first = await held(page);
  await send(page, 5_000, 20_000, update);
  const last = await held(page);
  console.log(`after 5,000 ${JSON.stringify(first)}, after 20,000 ${JSON.stringify(last)}`);
  expect(last.heap - first.heap, 'bytes').toBeLessThan(bytes);
  expect(last.nodes - first.nodes, 'nodes').toBeLessThan(500);
  expect(last.listeners - first.listeners, 'listeners').toBeLessThan(50);
}

test('a session’s page does not grow over 20,000 updates', async ({ page }) => {
  test.setTimeout(120_000);
  mock.put(`session/${ID}`, richView(ID));
  mock.append(`log/${ID}`, logLines(1_000));
  await page.goto(`${mock.url}/session/${ID}`);
  await expect(page.locator('[data-panel="log"] .line').first()).toBeVisible();
  const update = (at: number) => {
    mock.patch(`session/${ID}`, {
      phase: { detail: `update ${at}.` },
      progress: {
        percent: at % 100,
        tasks: { [`moving-${at}`]: { order: 40 + (at % 7), description: `Task ${at}`, status: 'in_progress' }, [`moving-${at - 7}`]: null },
      },
      agents: { [`passing-${at}`]: { type: 'builder', status: 'active', tokens: at, started_at: ago(5) }, [`passing-${at - 5}`]: null },
      tests: { iterations: { [String(3 + (at % 4))]: at % 2 ? { run: 88, passed: at % 88, failed: 1, at: ago(1) } : null } },
      usage: { input: 214_000 + at, cost_usd: 7 + at / 1000 },
      errors: { 1: { message: `failed ${at} times`, at: ago(1) } },
      problems: at % 2 ? { passing: { kind: 'bad_field', message: `number ${at}`, subject: 'x' } } : { passing: null },
      changed_at: { phase: ago(0), usage: ago(0) },
      last_work_at: ago(0),
    });
    if (at % 4 === 0) mock.append(`log/${ID}`, [{ at: ago(0), text: `line of update ${at}` }]);
  };
  // The log keeps its newest lines, of which 3,750 came between the two counts, and Svelte some bytes for each of the
  // 30,000 names of tasks and agents that came and went.
  await staysSmall(page, update, 4_500_000);
});

test('the overview does not grow over 20,000 updates of its rows, nor over sessions that come and go', async ({ page }) => {
  test.setTimeout(120_000);
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`s${at}~1`, row(`s${at}~1`, { started_at: ago(at) })]));
  mock.put('sessions', { sessions: many, total: 200, problems: {} });
  await page.goto(mock.url);
  await expect(page.locator('[data-session]').first()).toBeVisible();
  const update = (at: number) =>
    mock.patch('sessions', {
      sessions: {
        's0~1': { status_reason: `update ${at}.`, progress_percent: at % 100, usage: { tokens: at * 100 } },
        [`s${at % 200}~1`]: {
          phases: { Builder: at % 2 ? 'active' : 'completed' },
          last_work_at: ago(0),
          ...(at % 200 === 0 && { status_reason: `update ${at}.` }),
        },
        [`passing${at}~1`]: row(`passing${at}~1`, { started_at: ago(1) }),
        [`passing${at - 20}~1`]: null,
      },
    });
  await staysSmall(page, update, 1_000_000);
});
