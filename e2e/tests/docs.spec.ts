// The description of the API as a page: all of it is there, without a script and from no other place.

import { axeViolations, expect, test } from '../support/page.ts';

interface Described {
  paths: Record<string, Record<string, { operationId: string }>>;
  components: { schemas: Record<string, unknown> };
}

test('the page holds every operation and every type, and leads from one to the other', async ({ page, assets }) => {
  const elsewhere: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(assets.replace(/\/$/, ''))) elsewhere.push(request.url());
  });
  await page.goto(`${assets}/docs`);
  const api = (await (await page.request.get(`${assets}/openapi.json`)).json()) as Described;
  const ids = Object.values(api.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
  for (const id of [...ids, ...Object.keys(api.components.schemas)]) await expect(page.locator(`article[id="${id}"]`)).toBeAttached();
  expect(await page.locator('script').count()).toBe(0);

  await page.getByRole('navigation', { name: 'Operations' }).getByRole('link', { name: '/api/v1/sessions', exact: false }).first().click();
  const list = page.locator('#listSessions');
  await expect(list).toBeInViewport();
  await expect(list.getByText('sort', { exact: true })).toBeVisible();
  await expect(list.locator('pre')).toHaveText("curl 'http://127.0.0.1:8080/api/v1/sessions'");
  await list.getByRole('link', { name: 'Sort', exact: true }).click();
  await expect(page.locator('#Sort')).toBeInViewport();
  await expect(page.locator('#Sort')).toContainText('duration');
  expect(elsewhere).toEqual([]);
});

test('the dashboard links to it, and it links back', async ({ page, assets }) => {
  await page.goto(assets);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Docs' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Forgecast API');
  await page.getByRole('link', { name: 'Dashboard' }).click();
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible();
});

for (const theme of ['dark', 'light'] as const) {
  test(`the page is accessible in the ${theme} theme`, async ({ page, assets }) => {
    await page.emulateMedia({ colorScheme: theme });
    await page.goto(`${assets}/docs#getStats`);
    await expect(page.locator('#getStats')).toBeInViewport();
    expect(await axeViolations(page)).toEqual([]);
  });
}

test('on a phone nothing is wider than the screen', async ({ page, assets }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${assets}/docs#getStats`);
  await expect(page.locator('#getStats')).toBeInViewport();
  const wider = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(await wider()).toBe(0);
});
