// The frame around the pages: addresses, the keyboard, what stands where nothing can be shown, notifications, the app that
// can be installed.

import type { BrowserContext, Page } from '@playwright/test';
import { Mock } from '../support/mock.ts';
import { Prefix } from '../support/prefix.ts';
import { axeViolations, expect, test } from '../support/page.ts';
import { fill } from '../support/states.ts';

const ID = 'weather-app~1';
let mock: Mock;

test.beforeEach(async ({ assets }) => {
  mock = new Mock(assets);
  fill(mock, ID);
  await mock.start();
});
test.afterEach(() => mock.stop());

test('every address opens by itself, at the root and below a base path', async ({ page, assets }) => {
  const prefix = new Prefix('/x/y/', assets);
  await prefix.start();
  try {
    for (const base of [`${assets}/`, prefix.url]) {
      await page.goto(base);
      await expect(page.locator('[data-connection="live"]')).toBeVisible();
      await expect(page.getByText('No sessions yet')).toBeVisible();
      await page.goto(`${base}history`);
      await expect(page.locator('[data-empty="history"]')).toBeVisible();
      await page.getByRole('link', { name: 'Sessions', exact: true }).click();
      await expect(page).toHaveURL(base);
      await page.goBack();
      await expect(page).toHaveURL(`${base}history`);
      await page.goto(`${base}compare/one/other~2`);
      await expect(page.locator('[data-side="b"]').getByRole('alert')).toBeVisible();
      await page.goto(`${base}session/nobody`);
      await expect(page.locator('[data-waiting="refused"]')).toContainText(/there is no session nobody/i);
      expect(await axeViolations(page)).toEqual([]);
    }
  } finally {
    await prefix.stop();
  }
});

test('an address that leads nowhere is a page with the way home for people, and a problem for programs', async ({ page, assets }) => {
  await page.goto(`${assets}/no/such/page`);
  await expect(page.getByRole('heading', { name: 'Page not found', level: 1 })).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
  await page.getByRole('link', { name: 'Go to sessions' }).click();
  await expect(page.getByText('No sessions yet')).toBeVisible();
  const answer = await page.request.get(`${assets}/no/such/page`, { headers: { accept: '*/*' } });
  expect([answer.status(), answer.headers()['content-type']]).toEqual([404, 'application/problem+json']);
  const problem = (await answer.json()) as { status: number; type: string };
  expect(problem.status).toBe(404);
  expect(problem.type).toMatch(/^urn:forgecast:error:/);
});

test('the focus goes with the page, and the content can be skipped to', async ({ page }) => {
  await page.goto(mock.url);
  await expect(page.locator('[data-session]').first()).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
  await page.keyboard.press('h');
  await expect(page.getByRole('heading', { name: 'History', level: 1 })).toBeVisible();
  await expect(page.locator('main')).toBeFocused();
  await expect(page.getByRole('navigation').getByRole('link', { name: 'History' })).toHaveAttribute('aria-current', 'page');
  await page.keyboard.press('g');
  await expect(page.getByRole('heading', { name: 'Sessions', level: 1 })).toBeAttached();
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  for (const group of ['Sessions', 'Session', 'History', 'On every page']) await expect(help.getByRole('region', { name: group, exact: true })).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
  await page.keyboard.press('h');
  await expect(help).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
});

test('a server that does not answer at first is said, and the page goes on by itself', async ({ page }) => {
  let away = true;
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    if (away) void socket.close({ code: 1012 });
    else socket.connectToServer();
  });
  await page.route('**/api/**', (route) => (away ? route.abort() : route.continue()));
  for (const path of ['', 'session/weather-app~1']) {
    away = true;
    await page.goto(`${mock.url}/${path}`);
    await expect(page.locator('[data-waiting="away"]')).toContainText('The server does not respond');
    expect(await axeViolations(page)).toEqual([]);
    away = false;
    // It may have been tried again by itself just then.
    await page
      .getByRole('button', { name: 'Retry now' })
      .click({ timeout: 3_000 })
      .catch(() => {});
    await expect(page.locator('[data-waiting="away"]')).toHaveCount(0);
  }
  await expect(page.getByRole('heading', { name: 'weather-app', level: 1 })).toBeVisible();
});

test('a page whose file is gone after an update offers to reload', async ({ page }) => {
  await page.route(/\/assets\/History-.*\.js/, (route) => route.abort());
  await page.goto(mock.url);
  await page.getByRole('link', { name: 'History' }).click();
  const failed = page.locator('[data-lazy="failed"]');
  await expect(failed).toContainText('could not be loaded');
  expect(await axeViolations(page)).toEqual([]);
  await page.getByRole('link', { name: 'Sessions', exact: true }).click();
  await expect(page.locator('[data-session]').first()).toBeVisible();
  await page.goBack();
  await expect(failed).toBeVisible();
  await page.unrouteAll();
  await failed.getByRole('button', { name: 'Reload' }).click();
  await expect(page.getByRole('heading', { name: 'History', level: 1 })).toBeVisible();
});

test('a filter without a match, and a database in trouble, are said where one looks', async ({ page }) => {
  mock.patch('sessions', {
    problems: {
      store: { kind: 'store', message: 'the disk is full: free some space; what comes in meanwhile is kept in memory', subject: '/var/lib/forgecast.db' },
    },
  });
  await page.goto(mock.url);
  await expect(page.locator('[data-panel="problems"]')).toContainText('the disk is full');
  await page.getByRole('searchbox').fill('no such thing');
  await expect(page.getByText('No sessions match the filter.')).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
});

/** Notifications that a page showed, and how often it asked for leave. */
interface Heard {
  shown: { title: string; body: string; tag: string }[];
  asked: number;
}

/** The browser's notifications, which nobody sees in a test: what is shown is written down. */
async function listening(context: BrowserContext, permission: NotificationPermission): Promise<void> {
  await context.addInitScript((permission) => {
    const heard = { shown: [] as unknown[], asked: 0 };
    class Fake extends EventTarget {
      // The first, empty page of a new tab has no storage.
      static permission = location.protocol === 'http:' ? (localStorage.getItem('test-permission') ?? permission) : permission;
      static requestPermission(): Promise<string> {
        heard.asked += 1;
        Fake.permission = 'granted';
        localStorage.setItem('test-permission', 'granted');
        return Promise.resolve('granted');
      }
      onclick: (() => void) | undefined;
      constructor(title: string, options: { body: string; tag: string }) {
        super();
        heard.shown.push({ title, body: options.body, tag: options.tag });
        Object.assign(globalThis, { pressed: () => this.onclick?.() });
      }
      close(): void {}
    }
    Object.assign(globalThis, { Notification: Fake, heard });
  }, permission);
}

/** What needs notice in a row, as the server says it. */
const attention = (kind: string, seq: number, text = '') => ({ kind, seq, text, since: new Date(Date.now() + seq).toISOString() });

const heard = (page: Page) => page.evaluate(() => (globalThis as unknown as { heard: Heard }).heard);

test('notifications are asked for by pressing only, come once for all tabs, and lead to their session', async ({ context, page }) => {
  await listening(context, 'default');
  await page.goto(mock.url);
  await expect(page.locator('[data-session]').first()).toBeVisible();
  mock.patch('sessions', { sessions: { [ID]: { status: 'failed', status_reason: 'Tests fail', attention: attention('failed', 1, 'Tests fail') } } });
  await expect(page.locator(`[data-session="${ID}"]`)).toHaveCount(0);
  expect(await heard(page)).toEqual({ shown: [], asked: 0 });

  await page.getByRole('button', { name: 'Notifications' }).click();
  const dialog = page.getByRole('dialog', { name: 'Notifications' });
  expect(await axeViolations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Turn on for all sessions' }).click();
  await expect(dialog.getByRole('button', { name: 'On for all sessions' })).toHaveAttribute('aria-pressed', 'true');
  await dialog.getByLabel('a session stalls').uncheck();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await expect(page.locator('[data-notifications="on"]')).toBeVisible();
  const other = await context.newPage();
  await other.goto(mock.url);
  await expect(other.locator('[data-notifications="on"]')).toBeVisible();
  await expect(other.locator('[data-session]').first()).toBeVisible();

  const both = async () => [...(await heard(page)).shown, ...(await heard(other)).shown];
  mock.patch('sessions', {
    sessions: { [ID]: { status: 'waiting', waiting_for: 'answer', status_reason: 'Which unit?', attention: attention('waiting', 2, 'Which unit?') } },
  });
  await expect.poll(both).toEqual([{ title: 'weather-app asks a question', body: 'Which unit?', tag: `forgecast ${ID} waiting` }]);
  // Not again within a minute, and not what was not wished for.
  mock.patch('sessions', { sessions: { [ID]: { status: 'running', waiting_for: null, attention: null } } });
  mock.patch('sessions', {
    sessions: {
      [ID]: { status: 'waiting', waiting_for: 'answer', attention: attention('waiting', 3) },
      'habit-tracker~3': { status: 'stalled', attention: attention('stalled', 1) },
    },
  });
  mock.patch('sessions', { sessions: { [ID]: { status: 'completed', waiting_for: null, attention: attention('completed', 4, 'Build a weather dashboard') } } });
  await expect.poll(both).toHaveLength(2);
  expect((await both()).map(({ title }) => title)).toEqual(['weather-app asks a question', 'weather-app completed']);

  const shower = (await heard(page)).shown.length > 0 ? page : other;
  await shower.evaluate(() => (globalThis as unknown as { pressed(): void }).pressed());
  await expect(shower).toHaveURL(new RegExp(`/session/${ID}$`));
});

test('what came while no page was open is told by the next one, once', async ({ context, page }) => {
  await listening(context, 'granted');
  await page.goto(mock.url);
  await page.getByRole('button', { name: 'Notifications' }).click();
  await page.getByRole('dialog', { name: 'Notifications' }).getByRole('button', { name: 'Turn on for all sessions' }).click();
  const told = () => page.evaluate(() => localStorage.getItem('forgecast-attention'));
  await expect.poll(told).not.toBeNull();
  await page.goto('about:blank');
  mock.patch('sessions', { sessions: { [ID]: { status: 'failed', attention: attention('failed', 1, 'Tests fail') } } });
  await page.goto(mock.url);
  const titles = async () => (await heard(page)).shown.map(({ title }) => title);
  await expect.poll(titles).toEqual(['weather-app failed']);
  await expect.poll(told).toContain(`"${ID}"`);
  await page.reload();
  await expect(page.locator('[data-session]').first()).toBeVisible();
  mock.patch('sessions', { sessions: { 'habit-tracker~3': { status: 'completed', attention: attention('completed', 1) } } });
  await expect.poll(titles).toEqual(['habit-tracker completed']);
});

test('one session can be told of alone, also after a reload, and where nothing can be kept', async ({ context, page }) => {
  await listening(context, 'default');
  await page.goto(`${mock.url}/session/${ID}`);
  const bell = page.locator('[data-bell]');
  await expect(bell).toHaveAttribute('data-bell', 'off');
  await bell.click();
  await expect(bell).toHaveAttribute('data-bell', 'on');
  await page.reload();
  await expect(bell).toHaveAttribute('data-bell', 'on');
  await page.keyboard.press('g');
  await expect(page.locator('[data-session]').first()).toBeVisible();
  mock.patch('sessions', {
    sessions: {
      [ID]: { status: 'completed', attention: attention('completed', 1) },
      'habit-tracker~3': { status: 'failed', attention: attention('failed', 1) },
    },
  });
  await expect.poll(async () => (await heard(page)).shown.map(({ title }) => title)).toEqual(['weather-app completed']);

  await page.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException('refused', 'SecurityError');
    };
  });
  await page.goto(`${mock.url}/session/${ID}`);
  await bell.click();
  await expect(bell).toHaveAttribute('data-bell', 'off');
  await page.keyboard.press('t');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});

test('where a page may show no notification itself its worker does, and the worker answers no request', async ({ context, page }) => {
  await context.grantPermissions(['notifications']);
  await context.addInitScript(() => {
    // As on a phone.
    class Refused {
      static permission = 'granted';
      constructor() {
        throw new TypeError('Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.');
      }
    }
    Object.assign(globalThis, { Notification: Refused });
  });
  await page.goto(mock.url);
  await page.getByRole('button', { name: 'Notifications' }).click();
  await page.getByRole('dialog', { name: 'Notifications' }).getByRole('button', { name: 'Turn on for all sessions' }).click();
  await page.keyboard.press('Escape');
  mock.patch('sessions', { sessions: { [ID]: { status: 'failed', attention: attention('failed', 1, 'Tests fail') } } });
  const shown = () =>
    page.evaluate(async () => {
      const worker = await navigator.serviceWorker.getRegistration();
      const all = (await worker?.getNotifications()) ?? [];
      return all.map(({ title, body, data }) => ({ title, body, data: data as unknown }));
    });
  await expect.poll(shown).toEqual([{ title: 'weather-app failed', body: 'Tests fail', data: { url: `/session/${ID}` } }]);

  // With the worker in place, the page still comes from the server.
  const answers: boolean[] = [];
  page.on('response', (response) => answers.push(response.fromServiceWorker()));
  await page.reload();
  await expect(page.locator('[data-session]').first()).toBeVisible();
  expect(answers.length).toBeGreaterThan(3);
  expect(answers.filter(Boolean)).toEqual([]);
  const script = await (await page.request.get(`${mock.url}/notify.js`)).text();
  expect([...script.matchAll(/addEventListener\('(\w+)'/g)].map(([, event]) => event)).toEqual(['notificationclick']);
});

test('the dashboard can be installed, wherever it is mounted', async ({ page, assets }) => {
  const prefix = new Prefix('/tools/forge/', assets);
  await prefix.start();
  try {
    for (const base of [`${assets}/`, prefix.url]) {
      await page.goto(`${base}session/nobody`);
      const session = await page.context().newCDPSession(page);
      const { url, errors } = await session.send('Page.getAppManifest');
      expect(errors).toEqual([]);
      expect(url).toBe(`${base}manifest.webmanifest`);
      const answer = await page.request.get(url);
      expect(answer.headers()['content-type']).toBe('application/manifest+json');
      const manifest = (await answer.json()) as { start_url: string; display: string; icons: { src: string; sizes: string; type: string; purpose: string }[] };
      expect(manifest.display).toBe('standalone');
      expect(new URL(manifest.start_url, url).href).toBe(base);
      expect(manifest.icons.map(({ sizes, purpose }) => `${sizes} ${purpose}`)).toEqual(
        expect.arrayContaining(['192x192 any', '512x512 any', '192x192 maskable', '512x512 maskable']),
      );
      for (const { src, sizes, type } of manifest.icons) {
        const icon = await page.request.get(new URL(src, url).href);
        expect(icon.headers()['content-type']).toBe(type);
        if (type !== 'image/png') continue;
        const bytes = await icon.body();
        expect(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`).toBe(sizes);
      }
      const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
      // A window of a test is an incognito one, which is the only thing that keeps it from being installed.
      expect(installabilityErrors.map(({ errorId }) => errorId).filter((error) => error !== 'in-incognito')).toEqual([]);
    }
  } finally {
    await prefix.stop();
  }
});

test('the window’s frame has the color of the theme', async ({ page }) => {
  await page.goto(mock.url);
  const colors = () => page.locator('meta[name="theme-color"]').evaluateAll((all) => all.map((one) => (one as HTMLMetaElement).content));
  expect(await colors()).toEqual(['#0e1216', '#f3f5f7']);
  await page.getByRole('button', { name: 'Switch to light theme' }).click();
  expect(await colors()).toEqual(['#f3f5f7', '#f3f5f7']);
  await page.reload();
  await expect.poll(colors).toEqual(['#f3f5f7', '#f3f5f7']);
});
