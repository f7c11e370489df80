// The past of a session as its user sees it: real files, the real server, a real browser. What is shown of a revision is
// what was shown when it was the present.

import type { Page } from '@playwright/test';
import { WebSocket } from 'ws';
import { Forgecast, type Project } from '../support/forgecast.ts';
import { axeViolations, expect, test } from '../support/page.ts';

type Json = Record<string, unknown>;

let forgecast: Forgecast;

test.beforeAll(async () => {
  forgecast = new Forgecast();
  await forgecast.start();
});
test.afterAll(() => forgecast.remove());

const api = (path: string) => `${forgecast.url}/api/v1/sessions/${path}`;
const json = async (path: string) => (await fetch(api(path))).json() as Promise<Json>;

/** Sends one fact; it is on disk when this resolves. */
async function push(session: string, { type, ...data }: Json): Promise<void> {
  const answer = await fetch(`${forgecast.url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ session, type, data }),
  });
  expect(answer.status, await answer.text()).toBe(200);
}

/** Follows a session as any viewer does and keeps the view of each revision. */
class Recorder {
  readonly views = new Map<number, Json>();
  #state: Json = {};
  readonly #socket: WebSocket;

  constructor(id: string) {
    this.#socket = new WebSocket(`${forgecast.url.replace('http', 'ws')}/api/v1/live`);
    this.#socket.on('open', () => this.#socket.send(JSON.stringify({ type: 'subscribe', topic: `session/${id}` })));
    this.#socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { type: string; revision: number; state: Json; patch: Json };
      if (message.type === 'snapshot') this.#state = message.state;
      else if (message.type === 'patch') merge(this.#state, message.patch);
      else return;
      this.views.set(message.revision, structuredClone(this.#state));
    });
  }

  stop(): void {
    this.#socket.terminate();
  }
}

function merge(target: Json, patch: Json): void {
  for (const [key, value] of Object.entries(patch)) {
    const old = target[key];
    if (value === null) delete target[key];
    else if (isObject(value) && isObject(old)) merge(old, value);
    else target[key] = isObject(value) ? merged(value) : value;
  }
}

function merged(patch: Json): Json {
  const made: Json = {};
  merge(made, patch);
  return made;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What of the page says what was so, without what ticks. */
function shownPhases(page: Page): Promise<string[]> {
  return page
    .locator('[data-phase]')
    .evaluateAll((all) =>
      all.map((one) => `${one.getAttribute('data-phase')} ${one.getAttribute('data-status')} ${one.querySelector('.attempts')?.textContent?.trim() ?? ''}`),
    );
}

const slider = (page: Page) => page.getByRole('slider', { name: 'Time shown' });
const timeline = (page: Page) => page.locator('[data-panel="timeline"]');

/** A build that fails its tests, goes back and mends itself, with a log line at each step. */
async function build(project: Project, name: string): Promise<void> {
  const steps: [string, string, string[]][] = [
    ['Scout', '1', []],
    ['Architect', '2', ['Scout']],
    ['Builder', '3', ['Scout', 'Architect']],
    ['Test', '4', ['Scout', 'Architect', 'Builder']],
  ];
  const until = async (phase: string, attempts: number) =>
    expect
      .poll(async () => {
        const phases = ((await json(`${name}~1`))['phases'] ?? {}) as Record<string, { status: string; attempts: number }>;
        return [phases[phase]?.status, phases[phase]?.attempts];
      })
      .toEqual(['active', attempts]);
  for (const [phase, number, done] of steps) {
    project.phase(phase, number, { phases_completed: done });
    await until(phase, 1);
    project.append('.context-foundry/build-output-1.txt', `now in ${phase}\n`);
  }
  await push(name, { type: 'tests_reported', iteration: 1, total: 18, passed: 16, failed: 2, basis: 'reported' });
  project.phase('Builder', '3', { phases_completed: ['Scout', 'Architect'], progress_detail: 'Mending' });
  await until('Builder', 2);
  await push(name, { type: 'agent_reported', id: 'fixer', name: 'Fixer', status: 'active' });
  project.phase('Test', '4', { phases_completed: ['Scout', 'Architect', 'Builder'] });
  await until('Test', 2);
  await push(name, { type: 'tests_reported', iteration: 2, total: 18, passed: 18, failed: 0, basis: 'reported' });
  await push(name, { type: 'error_reported', message: 'the linter is missing' });
}

test('for every revision the past is what was recorded when it was the present', async ({ page }) => {
  test.slow();
  const name = 'recorded';
  const project = forgecast.project(name);
  project.phase('Scout', '1', { phases_completed: [] });
  await expect.poll(async () => (await fetch(api(`${name}~1`))).status).toBe(200);
  const recorder = new Recorder(`${name}~1`);
  await expect.poll(() => recorder.views.size).toBe(1);
  await page.goto(`${forgecast.url}/session/${name}~1`);
  await expect(page.locator('[data-phase="Scout"]')).toHaveAttribute('data-status', 'active');
  await build(project, name);
  const newest = Number((await json(`${name}~1/timeline`))['revision']);
  await expect.poll(() => Math.max(...recorder.views.keys())).toBe(newest);
  recorder.stop();
  expect(newest).toBeGreaterThan(8);
  for (const [revision, view] of recorder.views) {
    expect(await json(`${name}~1/at/${revision}`), `revision ${revision}`).toEqual(view);
  }

  // And on the page: what the panels show of each revision is what its view says.
  await slider(page).focus();
  await page.keyboard.press('Home');
  for (const [revision, view] of [...recorder.views].sort(([a], [b]) => a - b)) {
    await page.goto(`${forgecast.url}/session/${name}~1?at=${revision}`);
    await expect(timeline(page)).toHaveAttribute('data-past', String(revision));
    const phases = Object.entries(view['phases'] as Record<string, { order: number; status: string; attempts: number }>)
      .sort(([, a], [, b]) => a.order - b.order)
      .map(([phase, { status, attempts }]) => `${phase} ${status} ${attempts > 1 ? `↺ ×${attempts}` : ''}`);
    await expect.poll(() => shownPhases(page)).toEqual(phases);
    const rounds = Object.keys((view['tests'] as { iterations?: Json } | undefined)?.iterations ?? {});
    await expect(page.locator('[data-round]')).toHaveCount(rounds.length);
    await expect(page.locator('[data-agent="fixer"]')).toHaveCount('fixer' in ((view['agents'] ?? {}) as Json) ? 1 : 0);
  }
});

test('one looks back, sees the page as it was, and returns; the present goes on meanwhile', async ({ page }) => {
  const name = 'weather-app';
  const project = forgecast.project(name);
  await build(project, name);
  await page.goto(`${forgecast.url}/session/${name}~1`);
  await expect(page.locator('[data-span]')).toHaveCount(6);
  await expect(page.locator('[data-span="Builder"]')).toHaveCount(2);
  await expect(page.locator('[data-mark="tests_failed"]').or(page.locator('[data-mark="tests_passed"]')).first()).toBeVisible();
  await expect(slider(page)).toHaveAttribute('aria-valuetext', /^live, revision/);
  const before = await page.locator('[data-panel="pipeline"]').boundingBox();

  await slider(page).focus();
  for (let times = 0; times < 4; times += 1) await page.keyboard.press('[');
  await expect(timeline(page)).toContainText('Viewing');
  await expect(page.locator('[data-phase="Builder"]')).toHaveAttribute('data-status', 'active');
  await expect(page.locator('[data-phase="Builder"] .attempts')).toHaveCount(0);
  await expect(page.locator('[data-phase="Test"]')).toHaveAttribute('data-status', 'pending');
  await expect(timeline(page)).toContainText('2 of 8 phases done');
  expect(await page.locator('[data-panel="pipeline"]').boundingBox(), 'nothing moves').toEqual(expect.objectContaining({ y: before!.y, x: before!.x }));
  // What is shown says of when it is, and nothing that says now.
  for (const chip of await page.locator('.fresh').all()) {
    await expect(chip).toHaveAttribute('data-level', 'past');
    await expect(chip).toHaveText(/^As of \d\d:\d\d:\d\d$/);
  }
  await expect(page.locator('[data-panel="log"]')).toContainText('now in Architect');
  await expect(page.locator('[data-panel="log"]')).not.toContainText('now in Test');
  await expect(page).toHaveURL(/\?at=\d+$/);
  expect(await axeViolations(page)).toEqual([]);

  // The address is enough to come back to it.
  await page.reload();
  await expect(page.locator('[data-phase="Builder"]')).toHaveAttribute('data-status', 'active');
  await expect(timeline(page)).toContainText('Viewing');

  // Meanwhile the build goes on; the past stays what it is, and the scale grows.
  const known = Number(await slider(page).getAttribute('aria-valuemax'));
  project.phase('Documentation', '5', { phases_completed: ['Scout', 'Architect', 'Builder', 'Test'] });
  await expect.poll(async () => Number(await slider(page).getAttribute('aria-valuemax'))).toBeGreaterThan(known);
  await expect(page.locator('[data-phase="Documentation"]')).toHaveAttribute('data-status', 'pending');
  await page.keyboard.press('Escape');
  await expect(timeline(page)).not.toContainText('Viewing');
  await expect(page.locator('[data-phase="Documentation"]')).toHaveAttribute('data-status', 'active');
  await expect(page).toHaveURL(new RegExp(`/session/${name}~1$`));
  await expect(page.locator('[data-panel="log"]')).toContainText('now in Test');
  await expect(page.locator('.fresh').first()).toHaveAttribute('data-level', 'fresh');
});

test('keys go by one, by ten, by phase and to the ends; the way back is the browser’s, too', async ({ page }) => {
  const name = 'keys';
  for (let number = 0; number < 30; number += 1) {
    await push(name, { type: 'agent_reported', id: 'a', status: 'active', progress_percent: number });
  }
  await page.goto(`${forgecast.url}/session/${name}~1`);
  const newest = Number((await json(`${name}~1/timeline`))['revision']);
  const at = async (revision: number) => {
    await expect(timeline(page)).toHaveAttribute('data-past', String(revision));
    await expect(page.locator('[data-agent="a"]')).toContainText(`${revision - (newest - 29)}%`);
  };
  await expect(slider(page)).toHaveAttribute('aria-valuenow', String(newest));
  await slider(page).focus();
  await page.keyboard.press('ArrowLeft');
  await at(newest - 1);
  await page.keyboard.press('Shift+ArrowLeft');
  await at(newest - 11);
  await page.keyboard.press('ArrowRight');
  await at(newest - 10);
  await page.keyboard.press('Home');
  await expect(timeline(page)).toHaveAttribute('data-past', '1');
  await page.keyboard.press('End');
  await at(newest);
  await page.keyboard.press('Shift+ArrowLeft');
  await at(newest - 10);
  await expect(page).toHaveURL(new RegExp(`at=${newest - 10}$`));
  await page.goBack();
  await expect(timeline(page)).not.toHaveAttribute('data-past', /./);
  await expect(page.locator('[data-agent="a"]')).toContainText('29%');
  await page.goForward();
  await at(newest - 10);
  await page.keyboard.press('l');
  await expect(timeline(page)).not.toHaveAttribute('data-past', /./);
  // A revision that never was is said to be none, and the present is not shown in its place.
  await page.goto(`${forgecast.url}/session/${name}~1?at=99999`);
  await expect(timeline(page)).toContainText('Cannot show this time: there is no revision 99999');
  await expect(page.locator('[data-agent="a"]')).toHaveCount(0);
  await page.getByRole('button', { name: /Return to live/ }).click();
  await expect(page.locator('[data-agent="a"]')).toContainText('29%');
  await expect(page).toHaveURL(new RegExp(`/session/${name}~1$`));
});

test('who drags quickly asks for one view at a time, and sees the last one that was wanted', async ({ page }) => {
  const name = 'dragged';
  for (let number = 0; number < 60; number += 1) {
    await push(name, { type: 'agent_reported', id: 'a', status: 'active', progress_percent: number });
  }
  await page.goto(`${forgecast.url}/session/${name}~1`);
  await expect(slider(page)).toHaveAttribute('aria-valuenow', /\d\d/);
  let open = 0;
  let most = 0;
  let asked = 0;
  await page.route('**/at/*', async (route) => {
    asked += 1;
    open += 1;
    most = Math.max(most, open);
    await new Promise((done) => setTimeout(done, 40));
    open -= 1;
    await route.continue().catch(() => undefined);
  });
  page.on('requestfailed', (request) => {
    if (/\/at\/\d+$/.test(request.url())) open -= 1;
  });
  const box = (await slider(page).boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.9, box.y + 25);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.1, box.y + 25, { steps: 40 });
  await page.mouse.move(box.x + box.width * 0.5, box.y + 25, { steps: 20 });
  await page.mouse.up();
  const wanted = await slider(page).getAttribute('aria-valuenow');
  await expect(timeline(page)).toHaveAttribute('data-past', wanted!);
  await expect(page.locator('[data-agent="a"]')).toContainText(`${Number(wanted) - (Number(await slider(page).getAttribute('aria-valuemax')) - 59)}%`);
  expect(most).toBeLessThanOrEqual(2);
  expect(asked).toBeLessThan(61);
});

test('a playback goes through the build and ends in the present', async ({ page }) => {
  const name = 'played';
  const project = forgecast.project(name);
  await build(project, name);
  await page.goto(`${forgecast.url}/session/${name}~1`);
  await expect(page.locator('[data-span]').first()).toBeVisible();
  await page.evaluate(() => {
    const seen: string[] = [];
    (window as unknown as { seen: string[] }).seen = seen;
    const strip = document.querySelector('[data-panel="timeline"]')!;
    new MutationObserver(() => seen.push(strip.getAttribute('data-past') ?? 'live')).observe(strip, { attributeFilter: ['data-past'] });
  });
  const seen = () => page.evaluate(() => (window as unknown as { seen: string[] }).seen);
  await page.getByLabel('Playback speed').selectOption('1×');
  await page.getByRole('button', { name: 'Play' }).click();
  await expect.poll(async () => (await seen()).length).toBeGreaterThan(1);
  await page.getByRole('button', { name: 'Pause' }).click();
  const paused = await timeline(page).getAttribute('data-past');
  expect(paused).toMatch(/^\d+$/);
  await page.getByLabel('Playback speed').selectOption('60×');
  await expect(timeline(page)).toHaveAttribute('data-past', paused!);
  await page.getByRole('button', { name: 'Play' }).click();
  // A session at work: behind its past comes the present.
  await expect(timeline(page)).not.toHaveAttribute('data-past', /./);
  await expect(page.locator('[data-phase="Test"] .attempts')).toHaveText('↺ ×2');
  const revisions = (await seen()).map(Number).filter((revision) => revision > 0);
  expect(revisions).toEqual([...revisions].sort((x, y) => x - y));
  expect(revisions[0]).toBe(1);
});

test('sessions of three facts and of an agent have a past, too, in both themes and on a phone', async ({ page }) => {
  const name = 'short';
  for (const percent of [1, 2, 3]) await push(name, { type: 'agent_reported', id: 'a', status: 'active', progress_percent: percent });
  await push(name, { type: 'completion_reported', success: true, basis: 'reported' });
  for (const [colorScheme, viewport] of [
    ['dark', { width: 1440, height: 900 }],
    ['light', { width: 390, height: 844 }],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await page.goto(`${forgecast.url}/session/${name}~1`);
    await expect(page.locator('[data-mark="completed"]')).toHaveCount(1);
    await slider(page).focus();
    await page.keyboard.press('Home');
    await expect(page.locator('[data-agent="a"]')).toContainText('1%');
    expect(await axeViolations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
  }
});

test('a panel of usage draws its past once and asks no more', async ({ page }) => {
  const name = 'burning';
  const used = (minute: number) => new Date(Date.now() - minute * 60_000).toISOString();
  for (const minute of [30, 20, 2]) {
    await push(name, { type: 'usage_recorded', input: 1_000, output: 500, cost_usd: 0.02, model: 'm', used_at: used(minute) });
  }
  let asked = 0;
  await page.route('**/series?*', (route) => {
    asked += 1;
    return route.continue();
  });
  await page.goto(`${forgecast.url}/session/${name}~1`);
  const chart = page.locator('[data-field="burn-chart"]');
  await expect(chart.locator('canvas')).toBeVisible();
  await expect(chart.getByRole('row')).not.toHaveCount(0);
  expect(asked).toBe(2);
  await push(name, { type: 'usage_recorded', input: 7_000, output: 0, cost_usd: 0.1, model: 'm', used_at: used(0) });
  await expect(chart.locator('table')).toContainText('7,000');
  await chart.getByRole('button', { name: 'Total cost', exact: true }).click();
  await expect(chart.locator('table')).toContainText('$0.16');
  expect(asked).toBe(2);
});
