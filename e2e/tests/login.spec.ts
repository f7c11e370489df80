// Signing in at a server that lets nobody in without a token: the form, the link with a token, a link to one session, and
// what happens on the screen when a token is revoked.

import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { Forgecast } from '../support/forgecast.ts';
import { axeViolations, expect, test } from '../support/page.ts';

const BINARY = resolve(process.env['FORGECAST_BIN'] ?? '../target/debug/forgecast');

const server = new Forgecast({ FORGECAST_SERVER_REQUIRE_TOKEN: 'true' });

/** One of the program's own commands, as the operator of the server gives it. */
function command(...args: string[]): string {
  return execFileSync(BINARY, args, {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: server.home, NO_COLOR: '1' },
  });
}

const db = (): string[] => ['--db', join(server.home, 'forgecast.db')];

function newToken(role: string, name: string): string {
  const said = command('token', 'new', '--role', role, '--name', name, ...db());
  const token = /fc_[a-z]_[A-Za-z0-9_-]{43}/.exec(said)?.[0];
  if (token === undefined) throw new Error(`no token: ${said}`);
  return token;
}

function newLink(session: string): string {
  const said = command('share', session, '--for', '2h', ...db());
  const token = /fc_s_[A-Za-z0-9_-]{43}/.exec(said)?.[0];
  if (token === undefined) throw new Error(`no link: ${said}`);
  return token;
}

/** Everything that the page asks the server for, but its own files. */
function asked(page: Page): string[] {
  const paths: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith('/api/')) paths.push(pathname);
  });
  page.on('websocket', (socket) => paths.push(new URL(socket.url()).pathname));
  return paths;
}

async function beautiful(page: Page): Promise<void> {
  expect(await axeViolations(page)).toEqual([]);
}

test.beforeAll(async () => {
  await server.start();
  server.project('weather-app').phase('Builder', '3');
  server.project('secret-app').phase('Scout', '1');
});
test.afterAll(() => server.remove());

test('a stranger is asked for a token, and nothing else is asked of the server', async ({ page }) => {
  const paths = asked(page);
  await page.goto(server.url);
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByLabel('Access token')).toBeFocused();
  expect(paths).toEqual(['/api/v1/me']);
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    await beautiful(page);
  }
  await page.getByLabel('Access token').fill('fc_v_nonsense');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('is not valid');
  await beautiful(page);

  await page.getByLabel('Access token').fill(newToken('view', 'typed'));
  await page.getByLabel('Access token').press('Enter');
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
  await expect(page.getByText('weather-app').first()).toBeVisible();
  expect(await page.evaluate(() => document.cookie), 'no script can read it').toBe('');
  expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).not.toContain('fc_');
  await page.reload();
  await expect(page.getByText('secret-app').first()).toBeVisible();

  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('a token in the address is gone from it before anything is shown', async ({ page }) => {
  const token = newToken('view', 'linked');
  const addresses: string[] = [];
  page.on('request', (request) => addresses.push(request.url(), request.headers()['referer'] ?? ''));
  await page.goto(`${server.url}/session/weather-app~1?at=1#token=${token}`);
  await expect(page.getByRole('heading', { name: 'weather-app' }).first()).toBeVisible();
  expect(page.url()).toBe(`${server.url}/session/weather-app~1?at=1`);
  expect(addresses.filter((address) => address.includes(token))).toEqual([]);
  await page.goto(`${server.url}/`);
  await page.goBack();
  expect(page.url(), 'nor is it in the history').not.toContain('token');
});

test('a link shows one session, and ends on the screen when it is revoked', async ({ page }) => {
  const token = newLink('weather-app~1');
  await page.goto(`${server.url}/#token=${token}`);
  await expect(page).toHaveURL(`${server.url}/session/weather-app~1`);
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
  await expect(page.getByText('Builder at work').first()).toBeVisible();
  server.project('weather-app').phase('Test', '4');
  await expect(page.getByText('Test at work').first()).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Pages' }).getByRole('link')).toHaveCount(0);
  await expect(page.getByText('secret-app')).toHaveCount(0);
  // It says when it ends, by the clock of whoever looks, and not where the session is on somebody's disk.
  const { expires_at: until } = (await (await page.request.get(`${server.url}/api/v1/me`)).json()) as { expires_at: string };
  const ends = await page.evaluate((until) => new Date(until).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' }), until);
  await expect(page.locator('[data-panel="header"]').locator('[data-field="shared"]')).toHaveText(new RegExp(`^\\s*Shared\\s*ends ${ends}\\s*$`));
  await expect(page.locator('[data-panel="header"]')).not.toContainText('Folder');
  await expect(page.locator('body')).not.toContainText(server.root);
  await beautiful(page);

  await page.goto(`${server.url}/session/secret-app~1`);
  await expect(page.getByRole('heading', { name: 'This link shows one session' })).toBeVisible();
  await beautiful(page);
  await page.getByRole('link', { name: 'Open weather-app~1' }).click();
  await expect(page.locator('[data-connection="live"]')).toBeVisible();

  const listed = command('share', '--list', '--json', ...db());
  const id = /"id":\s*"([0-9a-f]{8})"/.exec(listed)?.[1];
  if (id === undefined) throw new Error(`no link: ${listed}`);
  command('share', '--revoke', id, ...db());
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('a revoked token ends the page, which then leaves the server alone', async ({ page }) => {
  await page.goto(`${server.url}/#token=${newToken('admin', 'brief')}`);
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
  const paths = asked(page);
  command('token', 'revoke', 'brief', ...db());
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  const until = paths.length;
  // Coming back to the tab is what makes a page that lost its socket ask at once.
  for (const event of ['online', 'pageshow']) await page.evaluate((name) => window.dispatchEvent(new Event(name)), event);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByLabel('Access token').fill(newToken('view', 'next'));
  expect(paths.slice(until)).toEqual([]);
  await page.getByLabel('Access token').press('Enter');
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
});

test('a token that only sends is told so', async ({ page }) => {
  await page.goto(`${server.url}/#token=${newToken('ingest', 'hook')}`);
  await expect(page.getByRole('heading', { name: 'This token can only send events' })).toBeVisible();
  await beautiful(page);
  await page.getByRole('button', { name: 'Sign in with another token' }).click();
  await expect(page.getByLabel('Access token')).toBeVisible();
});
