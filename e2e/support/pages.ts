// Every page and state of the dashboard that somebody can see, each with the condition on which it is there. What goes over
// all of them (accessibility, width, pictures) reads this table: a new page is one entry.

import { expect, type Page } from '@playwright/test';
import { notifications } from './states.ts';

/** Where the pages come from: a server that says what a test sets, a real one with weeks of made-up history, a real one that
 *  has seen nothing yet, and one that lets nobody in without a token. */
export interface Servers {
  mock: string;
  real: string;
  empty: string;
  locked: string;
}

export interface Shown {
  name: string;
  address: (servers: Servers) => string;
  /** What has to be so before it is opened. */
  before?: (page: Page) => Promise<void>;
  ready: (page: Page) => Promise<void>;
  /** Too long for a picture of all of it. */
  long?: boolean;
  /** Also looked at on a wide screen. */
  wide?: boolean;
}

/** Sessions of the mock. */
export const BUILD = 'weather-app~1';
export const OWN = '258c7280-ae70-4f3e~1';
export const BROKEN = 'broken-panel~1';

const panels = async (page: Page, agent: string): Promise<void> => {
  await expect(page.locator('[data-panel="log"] .line').first()).toBeVisible();
  await expect(page.locator(`[data-panel="agents"] [data-agent="${agent}"]`)).toBeVisible();
};

export const PAGES: readonly Shown[] = [
  {
    name: 'overview',
    address: ({ mock }) => mock,
    ready: async (page) => {
      await page.getByRole('button', { name: /^all/i }).click();
      await expect(page.locator('[data-session]').first()).toBeVisible();
      await expect(page.locator('[data-total="spent"]')).toBeVisible();
    },
    wide: true,
  },
  { name: 'session', address: ({ mock }) => `${mock}/session/${BUILD}`, ready: (page) => panels(page, 't1'), wide: true },
  { name: 'agent', address: ({ mock }) => `${mock}/session/${OWN}`, ready: (page) => panels(page, 'main'), wide: true },
  {
    name: 'panel-failed',
    address: ({ mock }) => `${mock}/session/${BROKEN}`,
    ready: (page) => expect(page.locator('[data-panel="decisions"]')).toContainText('Decisions unavailable'),
  },
  {
    name: 'session-unknown',
    address: ({ mock }) => `${mock}/session/nobody~1`,
    ready: (page) => expect(page.getByText('No such session')).toBeVisible(),
  },
  {
    name: 'overview-empty',
    address: ({ empty }) => empty,
    ready: (page) => expect(page.getByText('No sessions yet')).toBeVisible(),
  },
  {
    name: 'history-empty',
    address: ({ empty }) => `${empty}/history`,
    ready: (page) => expect(page.locator('[data-empty="history"]')).toBeVisible(),
  },
  {
    name: 'server-away',
    address: ({ mock }) => mock,
    before: (page) => page.routeWebSocket(/\/api\/v1\/live$/, (socket) => socket.close({ code: 1011, reason: 'away' })),
    ready: (page) => expect(page.locator('[data-waiting="away"]')).toBeVisible(),
  },
  {
    name: 'compare',
    address: ({ mock }) => `${mock}/compare/${BUILD}/${OWN}`,
    ready: async (page) => {
      for (const side of ['a', 'b']) await expect(page.locator(`[data-side="${side}"]`).first()).toBeVisible();
    },
  },
  {
    name: 'history',
    address: ({ real }) => `${real}/history`,
    ready: async (page) => {
      await expect(page.locator('[data-total="cost"] dd')).toContainText('$');
      await expect(page.locator('.uplot, canvas').first()).toBeVisible();
    },
    wide: true,
  },
  {
    name: 'notifications',
    address: ({ mock }) => `${mock}/notifications`,
    before: async (page) => void (await page.route(/\/api\/v1\/notifications$/, (route) => route.fulfill({ json: notifications() }))),
    ready: async (page) => {
      await expect(page.getByRole('region', { name: 'Targets' }).getByRole('listitem')).toHaveCount(3);
      await expect(page.getByRole('region', { name: 'Messages' }).getByRole('listitem')).toHaveCount(5);
      await expect(page.getByRole('status').filter({ hasText: 'Silenced' })).toContainText(/nothing is sent for 2\dm/);
    },
    wide: true,
  },
  {
    name: 'login',
    address: ({ locked }) => locked,
    ready: (page) => expect(page.getByRole('heading', { name: 'Sign in', level: 1 })).toBeVisible(),
  },
  {
    name: 'docs',
    address: ({ real }) => `${real}/docs`,
    long: true,
    ready: (page) => expect(page.getByRole('heading', { level: 1 })).toContainText('API'),
  },
];
