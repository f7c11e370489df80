// A build as its user sees it: real files, the real server, a real browser.

import { Forgecast } from '../support/forgecast.ts';
import { axeViolations, expect, test } from '../support/page.ts';

let forgecast: Forgecast;

test.beforeEach(async () => {
  forgecast = new Forgecast();
  await forgecast.start();
});
test.afterEach(() => forgecast.remove());

test('a session appears by itself and moves with its files', async ({ page }) => {
  await page.goto(forgecast.url);
  await expect(page.getByText('No sessions yet')).toBeVisible();

  const project = forgecast.project('weather-app');
  project.phase('Scout', '1', { progress_detail: 'Reading the task' });
  const row = page.locator('[data-session="weather-app~1"]');
  await expect(row).toContainText('Scout');
  await expect(row.locator('[data-status="running"]')).toBeVisible();

  project.phase('Architect', '2', { phases_completed: ['Scout'] });
  await expect(row).toContainText('Architect');

  await row.click();
  await expect(page.getByRole('heading', { name: 'weather-app', level: 1 })).toBeVisible();
  await expect(page.locator('[data-phase="Scout"]')).toHaveAttribute('data-status', 'completed');
  await expect(page.locator('[data-phase="Architect"]')).toHaveAttribute('data-status', 'active');

  project.phase('Builder', '3', { phases_completed: ['Scout', 'Architect'], progress_detail: 'Writing the cache' });
  await expect(page.locator('[data-phase="Builder"]')).toHaveAttribute('data-status', 'active');
  await expect(page.getByText('Writing the cache')).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
});

test('self-healing is visible as a loop back, and its rounds of tests', async ({ page }) => {
  const project = forgecast.project('chess-clock');
  const done = ['Scout', 'Architect', 'Builder'];
  project.phase('Builder', '3', { phases_completed: done.slice(0, 2) });
  await page.goto(`${forgecast.url}/session/chess-clock`);
  await expect(page.locator('[data-phase="Builder"]')).toHaveAttribute('data-status', 'active');
  project.phase('Test', '4', { status: 'testing', phases_completed: done, test_iteration: 1 });
  await expect(page.locator('[data-phase="Test"]')).toHaveAttribute('data-status', 'active');
  project.write('.context-foundry/test-results-iteration-1.md', '# Tests\n\nTests: 3 failed, 57 passed, 60 total\n');
  await expect(page.locator('[data-round="1"]')).toContainText('57');
  await expect(page.locator('[data-round="1"]')).toContainText('3');
  project.phase('Architect', '2', { status: 'self-healing', phases_completed: ['Scout'], test_iteration: 1 });
  await expect(page.locator('[data-phase="Architect"]')).toHaveAttribute('data-status', 'active');
  project.phase('Builder', '3', { status: 'self-healing', phases_completed: done.slice(0, 2), test_iteration: 1 });
  await expect(page.locator('[data-phase="Builder"]')).toContainText('×2');
  await expect(page.getByText(/Retrying: Builder/)).toBeVisible();
  project.phase('Test', '4', { status: 'testing', phases_completed: done, test_iteration: 2 });
  project.write('.context-foundry/test-results-iteration-2.md', '# Tests\n\nTests: 60 passed, 60 total\n');
  await expect(page.locator('[data-round="2"]')).toContainText('60');
});

test('log lines, tasks and files reach the page as they are written', async ({ page }) => {
  const project = forgecast.project('recipe-box');
  project.phase('Builder', '3', { phases_completed: ['Scout', 'Architect'] });
  await page.goto(`${forgecast.url}/session/recipe-box~1`);
  await expect(page.getByRole('heading', { name: 'recipe-box', level: 1 })).toBeVisible();

  project.write('.context-foundry/build-tasks.json', {
    parallel_mode: true,
    total_tasks: 2,
    tasks: [
      { id: 'task-1', description: 'Storage of recipes', files: ['src/store.ts'], dependencies: [] },
      { id: 'task-2', description: 'Search page', files: [], dependencies: ['task-1'] },
    ],
  });
  await expect(page.locator('[data-task="task-2"]')).toContainText('Search page');
  await expect(page.locator('[data-task="task-2"]')).toContainText('after task-1');

  project.write('.context-foundry/scout-report.md', '# Scout report\n\nThree <b>risks</b>.\n');
  await page.getByRole('button', { name: /scout-report\.md/ }).click();
  await expect(page.getByRole('dialog')).toContainText('Three <b>risks</b>.');
  await page.keyboard.press('Escape');

  project.append('.context-foundry/build-output-1.txt', 'compiling\n\u001b[31mERROR\u001b[0m two tests failed\n');
  await expect(page.locator('[data-panel="log"] .line', { hasText: 'two tests failed' })).toBeVisible();
  await expect(page.locator('[data-panel="log"] .ansi-fg-1')).toHaveText('ERROR');
  project.append('.context-foundry/build-output-1.txt', 'trying again\n');
  await expect(page.getByText('trying again')).toBeVisible();
});

test('when the server goes away the page says so, and goes on from there when it is back', async ({ page }) => {
  const project = forgecast.project('photo-sorter');
  project.phase('Scout', '1');
  await page.goto(`${forgecast.url}/session/photo-sorter~1`);
  await expect(page.locator('[data-phase="Scout"]')).toHaveAttribute('data-status', 'active');
  await page.evaluate(() => document.querySelector('[data-panel="pipeline"]')!.setAttribute('data-kept', ''));

  await forgecast.stop();
  await expect(page.locator('[data-connection="waiting"]').getByRole('status')).toHaveText('Reconnecting');
  await expect(page.locator('[data-panel="pipeline"] .fresh')).toHaveAttribute('data-level', 'aging');
  await expect(page.locator('[data-phase="Scout"]')).toBeVisible();

  project.phase('Architect', '2', { phases_completed: ['Scout'] });
  await forgecast.start();
  await expect(page.locator('[data-phase="Architect"]')).toHaveAttribute('data-status', 'active', { timeout: 30_000 });
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
  await expect(page.locator('[data-panel="pipeline"] .fresh')).toHaveAttribute('data-level', 'fresh');
  await expect(page.locator('[data-panel="pipeline"][data-kept]'), 'nothing was wiped').toBeVisible();
});

test('where only the socket is blocked, polling brings what changes', async ({ page }) => {
  await page.routeWebSocket(/\/api\/v1\/live$/, (socket) => socket.close({ code: 1011, reason: 'blocked' }));
  const project = forgecast.project('habit-tracker');
  project.phase('Scout', '1');
  await page.goto(`${forgecast.url}/session/habit-tracker~1`);
  await expect(page.locator('[data-phase="Scout"]')).toHaveAttribute('data-status', 'active');
  await expect(page.locator('[data-connection="waiting"]')).toHaveAttribute('title', 'blocked');
  project.phase('Architect', '2', { phases_completed: ['Scout'] });
  await expect(page.locator('[data-phase="Architect"]')).toHaveAttribute('data-status', 'active');
  await expect(page.locator('[data-panel="pipeline"] .fresh')).toHaveAttribute('data-level', 'fresh');
});

test('hostile text in a phase file stays text, and a broken file is a problem that is shown', async ({ page }) => {
  const project = forgecast.project('hostile');
  const text = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  project.phase(text, '1', { status: text, progress_detail: text });
  await page.goto(forgecast.url);
  // Its status speaks of an error: it is found as one that failed.
  const row = page.locator('[data-need="hostile~1"]');
  await expect(row).toContainText('<img src=x');
  await row.getByRole('link').click();
  await expect(page.locator('[data-panel="pipeline"]')).toContainText('<script>alert(2)</script>');
  project.write('.context-foundry/current-phase.json', '{"current_phase": "Scout", "status": ');
  await expect(page.locator('[data-panel="problems"]')).toContainText('current-phase.json');
  project.phase('Scout', '1');
  await expect(page.locator('[data-panel="problems"]')).toHaveCount(0);
});
