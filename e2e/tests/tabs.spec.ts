// One tab among others: how many sockets it has, what happens to it when it is frozen or in the background, and what it
// does not do (ask again, ask the user). The real server, real files.

import type { BrowserContext, Page } from '@playwright/test';
import { Forgecast, type Project } from '../support/forgecast.ts';
import { expect, test } from '../support/page.ts';
import { Requests } from '../support/wire.ts';

let forgecast: Forgecast;
let project: Project;

test.beforeEach(async () => {
  forgecast = new Forgecast();
  project = forgecast.project('weather-app');
  project.phase('Scout', '1', { progress_detail: 'Reading the task' });
  await forgecast.start();
});
test.afterEach(() => forgecast.remove());

/** The sockets of a tab that are open, and how many there ever were. */
function socketsOf(page: Page): { open: number; ever: number } {
  const sockets = { open: 0, ever: 0 };
  page.on('websocket', (socket) => {
    sockets.open += 1;
    sockets.ever += 1;
    socket.on('close', () => (sockets.open -= 1));
  });
  return sockets;
}

async function tabs(context: BrowserContext, count: number): Promise<{ page: Page; sockets: { open: number; ever: number } }[]> {
  const opened = [];
  for (let at = 0; at < count; at += 1) {
    const page = await context.newPage();
    const sockets = socketsOf(page);
    await page.goto(`${forgecast.url}/session/weather-app~1`);
    await expect(page.getByText('Reading the task')).toBeVisible();
    opened.push({ page, sockets });
  }
  return opened;
}

test('a hundred switches between real sessions leave one socket, and the server with what one page follows', async ({ page }) => {
  for (const name of ['invoice-portal', 'recipe-box', 'chess-clock', 'photo-sorter']) forgecast.project(name).phase('Builder', '3');
  await expect.poll(() => forgecast.metric('forgecast_sessions')).toBe(5);
  const sockets = socketsOf(page);
  await page.goto(`${forgecast.url}/session/weather-app~1`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('weather-app');
  await expect.poll(() => forgecast.metric('forgecast_viewers')).toBeGreaterThan(0);
  const followed = await forgecast.metric('forgecast_viewers');
  for (let at = 0; at < 100; at += 1) await page.keyboard.press(at % 8 < 4 ? 'j' : 'k');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect.poll(() => forgecast.metric('forgecast_viewers')).toBe(followed);
  expect(sockets).toEqual({ open: 1, ever: 1 });
});

test('a finished session that is left open for an hour asks nothing, says nothing and is still live', async ({ page }) => {
  await page.clock.install();
  const sockets = socketsOf(page);
  await page.goto(`${forgecast.url}/session/weather-app~1`);
  await expect(page.getByText('Reading the task')).toBeVisible();
  project.write('.context-foundry/session-summary.json', {
    status: 'completed',
    session_id: 'weather-app',
    phases_completed: ['Scout'],
    completed_at: new Date().toISOString(),
  });
  await expect(page.locator('[data-panel="header"] [data-status="completed"]')).toBeVisible();
  const elapsed = await page.locator('[data-field="elapsed"]').textContent();
  const requests = new Requests(page);
  for (let quarter = 0; quarter < 4; quarter += 1) {
    // A jump of the clock looks like a machine that slept: the socket is not trusted and made anew.
    await page.clock.fastForward(15 * 60_000);
    await expect(page.locator('[data-connection="live"]')).toBeVisible();
    await expect(page.locator('[data-panel="pipeline"] .fresh')).toHaveAttribute('data-level', 'fresh');
  }
  expect(await page.locator('[data-field="elapsed"]').textContent(), 'what is over does not tick').toBe(elapsed);
  expect(requests.begun, 'nothing is polled').toBe(0);
  await expect.poll(() => sockets.open).toBe(1);
});

test('two tabs have a socket each, and one goes on when the other is closed', async ({ context }) => {
  const [one, two] = await tabs(context, 2);
  const both = await forgecast.metric('forgecast_viewers');
  project.phase('Scout', '1', { progress_detail: 'Seen by both' });
  for (const tab of [one, two]) await expect(tab!.page.getByText('Seen by both')).toBeVisible();
  await one!.page.close();
  await expect.poll(() => forgecast.metric('forgecast_viewers')).toBe(both / 2);
  project.phase('Scout', '1', { progress_detail: 'Seen by the one that stayed' });
  await expect(two!.page.getByText('Seen by the one that stayed')).toBeVisible();
  expect(two!.sockets).toEqual({ open: 1, ever: 1 });
});

test('seven tabs are all live: none waits for another’s connection', async ({ context }) => {
  const all = await tabs(context, 7);
  expect(all.map(({ sockets }) => sockets)).toEqual(all.map(() => ({ open: 1, ever: 1 })));
  project.phase('Scout', '1', { progress_detail: 'Seen by seven' });
  await Promise.all(all.map(({ page }) => expect(page.getByText('Seen by seven')).toBeVisible()));
  // Asking for something besides the socket works in the last one, too.
  project.write('.context-foundry/scout-report.md', '# Scout report\n\nThree risks.\n');
  const last = all.at(-1)!.page;
  await last.getByRole('button', { name: /scout-report\.md/ }).click();
  await expect(last.getByRole('dialog')).toContainText('Three risks.');
});

test('seven tabs whose sockets are refused all poll, and all come back', async ({ context }) => {
  let refused = true;
  await context.routeWebSocket(/\/api\/v1\/live$/, (socket) => {
    if (refused) void socket.close({ code: 1011, reason: 'refused' });
    else socket.connectToServer();
  });
  await context.clock.install();
  const pages = await Promise.all(Array.from({ length: 7 }, () => context.newPage()));
  await Promise.all(pages.map((page) => page.goto(`${forgecast.url}/session/weather-app~1`)));
  await Promise.all(
    pages.map(async (page) => {
      await expect(page.locator('[data-connection="waiting"]')).toBeVisible();
    }),
  );
  // One clock for all of them.
  await context.clock.fastForward(5_000);
  await Promise.all(pages.map((page) => expect(page.getByText('Reading the task')).toBeVisible()));
  refused = false;
  await context.clock.fastForward(15_000);
  await Promise.all(
    pages.map(async (page) => {
      await expect(page.locator('[data-connection="live"]')).toBeVisible();
    }),
  );
});

for (const [meanwhile, during] of [
  ['the server goes on', async () => undefined],
  [
    'the server restarts',
    async () => {
      await forgecast.stop();
      await forgecast.start();
    },
  ],
] as const) {
  test(`a tab that was frozen for a minute is in step within two seconds: ${meanwhile}`, async ({ page, context }) => {
    await page.clock.install();
    const sockets = socketsOf(page);
    await page.goto(`${forgecast.url}/session/weather-app~1`);
    await expect(page.getByText('Reading the task')).toBeVisible();
    // Nothing of the page runs any more, as in a tab that the browser froze: what arrives piles up, or is lost.
    const debug = await context.newCDPSession(page);
    await debug.send('Debugger.enable');
    const frozen = new Promise((done) => debug.once('Debugger.paused', done));
    await debug.send('Debugger.pause');
    await frozen;
    for (let step = 1; step <= 30; step += 1) {
      const detail = `Missed ${step}`;
      project.phase('Scout', '1', { progress_detail: detail });
      await expect.poll(async () => (await forgecast.view('weather-app~1')).phase?.detail).toBe(detail);
    }
    await during();
    project.phase('Architect', '2', { phases_completed: ['Scout'], progress_detail: 'The last of many' });
    await expect.poll(async () => (await forgecast.view('weather-app~1')).phase?.detail).toBe('The last of many');

    await debug.send('Debugger.disable');
    // Its timers and its clock find that a minute has passed.
    await page.clock.fastForward(60_000);
    const begin = Date.now();
    await expect(page.getByText('The last of many')).toBeVisible();
    expect(Date.now() - begin, 'milliseconds until it is in step').toBeLessThan(2_000);
    // The next heartbeat confirms it.
    await expect(page.locator('[data-connection="live"]')).toBeVisible();
    await expect(page.locator('[data-panel="pipeline"] .fresh')).toHaveAttribute('data-level', 'fresh');
    await expect.poll(() => sockets.open).toBe(1);
  });
}

/** Makes the page believe that nobody looks at it, or that somebody does: a browser without a window hides no tab. */
async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((now) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => now });
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (now ? 'hidden' : 'visible') });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

test('a tab in the background touches nothing, and is in step at once when somebody looks', async ({ page }) => {
  await page.goto(`${forgecast.url}/session/weather-app~1`);
  await expect(page.getByText('Reading the task')).toBeVisible();
  let heard = 0;
  page.on('websocket', (socket) => socket.on('framereceived', () => (heard += 1)));
  await page.reload();
  await expect(page.getByText('Reading the task')).toBeVisible();
  await page.evaluate(() => {
    const work = { frames: 0, mutations: [] as string[] };
    (globalThis as unknown as { work: typeof work }).work = work;
    const real = requestAnimationFrame;
    globalThis.requestAnimationFrame = (run) => {
      work.frames += 1;
      return real(run);
    };
    new MutationObserver((records) => {
      for (const { target, type } of records) {
        const element = target instanceof Element ? target : target.parentElement;
        work.mutations.push(`${type} in ${element?.closest('[data-panel]')?.getAttribute('data-panel') ?? element?.tagName}`);
      }
    }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  const work = () => page.evaluate(() => (globalThis as unknown as { work: { frames: number; mutations: string[] } }).work);

  await hide(page, true);
  // What was asked for before may still be answered.
  const asked = heard;
  await expect.poll(() => heard, { intervals: [200] }).toBeGreaterThan(asked + 1);
  const atFirst = await work();
  for (let step = 1; step <= 20; step += 1) {
    const detail = `In the background ${step}`;
    project.phase('Scout', '1', { progress_detail: detail });
    project.append('.context-foundry/build-output-1.txt', `line ${step}\n`);
    await expect.poll(async () => (await forgecast.view('weather-app~1')).phase?.detail).toBe(detail);
  }
  // Two heartbeats, with everything that the tab is told between them.
  const before = heard;
  await expect.poll(() => heard, { intervals: [200] }).toBeGreaterThan(before + 1);
  expect(await work()).toEqual(atFirst);

  await hide(page, false);
  await expect(page.getByText('In the background 20')).toBeVisible({ timeout: 2_000 });
  await expect(page.locator('[data-panel="log"] .line', { hasText: 'line 20' })).toBeVisible();
  await expect(page.locator('[data-panel="pipeline"] .fresh')).toHaveAttribute('data-level', 'fresh');
});
