// The description of the API as a page: all of it is there, works without any other server, and leads to single operations.

import { axeViolations, expect, test } from '../support/page.ts';

interface Described {
  paths: Record<string, Record<string, { operationId: string }>>;
}

test('the page holds every operation, is filtered, and opens down to a field', async ({ page, assets }) => {
  const elsewhere: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(assets.replace(/\/$/, ''))) elsewhere.push(request.url());
  });
  await page.goto(`${assets}/docs`);
  const api = (await (await page.request.get(`${assets}/openapi.json`)).json()) as Described;
  const ids = Object.values(api.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
  await expect(page.locator('details.operation')).toHaveCount(ids.length);
  for (const id of ids) await expect(page.locator(`details#${id}`)).toBeAttached();

  await page.keyboard.press('/');
  await page.keyboard.type('session log');
  await expect(page.locator('details#getLog')).toBeVisible();
  await expect(page.locator('details#getStats')).toHaveCount(0);
  await page.getByRole('searchbox', { name: 'Filter operations' }).fill('no such thing');
  await expect(page.getByText('Nothing is found by “no such thing”.')).toBeVisible();
  await page.getByRole('searchbox', { name: 'Filter operations' }).fill('');

  const view = page.locator('details#getSession');
  await view.locator('summary').click();
  await expect(view.getByRole('row').filter({ hasText: 'If-None-Match' })).toBeVisible();
  await view.getByRole('button', { name: 'Fields of usage' }).click();
  const fields = view.getByRole('list', { name: 'Fields of usage' });
  await expect(fields.getByText('cost_usd', { exact: true }).first()).toBeVisible();
  await expect(view.getByLabel('Command for getSession')).toHaveText(`curl '${assets}/api/v1/sessions/weather-app'`);
  expect(elsewhere).toEqual([]);
});

test('a link leads to its operation, and the command can be copied', async ({ page, context, assets }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`${assets}/docs#pushEvents`);
  const push = page.locator('details#pushEvents');
  await expect(push).toHaveAttribute('open');
  await expect(push).toBeInViewport();
  await push.getByRole('button', { name: 'Copy' }).click();
  await expect(push.getByText('Copied')).toBeVisible();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain(`-X POST '${assets}/api/v1/events'`);
  await page.getByRole('navigation', { name: 'Operations' }).getByRole('link', { name: '/readyz' }).click();
  await expect(page.locator('details#ready')).toHaveAttribute('open');
  await expect(page.locator('details#ready')).toBeInViewport();
});

for (const theme of ['dark', 'light'] as const) {
  test(`the page is accessible in the ${theme} theme`, async ({ page, assets }) => {
    await page.emulateMedia({ colorScheme: theme });
    await page.goto(`${assets}/docs#getStats`);
    await expect(page.locator('details#getStats')).toHaveAttribute('open');
    expect(await axeViolations(page)).toEqual([]);
  });
}

test('on a phone nothing is wider than the screen', async ({ page, assets }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${assets}/docs#getStats`);
  await expect(page.locator('details#getStats')).toHaveAttribute('open');
  await page.locator('details#live summary').click();
  const wider = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(await wider()).toBe(0);
});
