// Whether a viewer can always tell fresh from stale, and comes back without losing anything: servers that hang, die, restart
// and refuse the socket. The real server, real files; the page's clock is moved where time has to pass.

import type { Page } from '@playwright/test';
import { Forgecast, type Project } from '../support/forgecast.ts';
import { expect, test } from '../support/page.ts';
import { lookForWipes, wipes } from '../support/wipes.ts';
import { POLLED, Requests, Sockets } from '../support/wire.ts';

const ID = 'weather-app~1';
let forgecast: Forgecast;
let project: Project;

test.beforeEach(async () => {
  forgecast = new Forgecast();
  project = forgecast.project('weather-app');
  project.phase('Scout', '1', { progress_detail: 'Reading the task' });
  project.append('.context-foundry/build-output-1.txt', 'the first line\n');
  await forgecast.start();
});
test.afterEach(async () => {
  forgecast.signal('SIGCONT');
  await forgecast.remove();
});

/** Opens the session and waits until every panel is fresh. */
async function opened(page: Page): Promise<void> {
  await page.goto(`${forgecast.url}/session/${ID}`);
  await expect(page.locator('[data-phase="Scout"]')).toHaveAttribute('data-status', 'active');
  await expect(page.locator('[data-panel="log"] .line')).toHaveText([/the first line/]);
  await expect.poll(() => levels(page)).toEqual(['fresh']);
}

/** The levels of all chips on the page, each once. */
async function levels(page: Page): Promise<string[]> {
  const all = await page.locator('.fresh').evaluateAll((chips) => chips.map((chip) => (chip as HTMLElement).dataset['level'] ?? ''));
  expect(all.length).toBeGreaterThan(2);
  return [...new Set(all)];
}

/** Colors of the chips' dots, each once. */
async function colors(page: Page): Promise<string[]> {
  const all = await page.locator('.fresh .dot').evaluateAll((dots) => dots.map((dot) => getComputedStyle(dot).backgroundColor));
  return [...new Set(all)];
}

/** Until the server has folded what was written. */
async function folded(detail: string): Promise<void> {
  await expect.poll(async () => (await forgecast.view(ID)).phase?.detail).toBe(detail);
}

for (const [what, stop, again] of [
  ['hangs', () => forgecast.signal('SIGSTOP'), () => forgecast.signal('SIGCONT')],
  ['is killed', () => forgecast.stop('SIGKILL'), () => forgecast.start()],
] as const) {
  test(`while the server ${what}, every panel goes from green to yellow to red, and to green when it is back`, async ({ page }) => {
    await page.clock.install();
    await opened(page);
    await lookForWipes(page);
    const seen = [await colors(page)];

    await stop();
    await page.clock.fastForward(5_500);
    await expect.poll(() => levels(page)).toEqual(['aging']);
    seen.push(await colors(page));
    await expect(page.locator('[data-connection="waiting"], [data-connection="connecting"]')).toBeVisible();

    await page.clock.fastForward(30_000);
    await expect.poll(() => levels(page)).toEqual(['stale']);
    seen.push(await colors(page));
    await expect(page.locator('[data-panel="pipeline"] .fresh')).toHaveText(/Updated 3\ds ago/);
    expect(
      seen.map((color) => color.length),
      'one color at a time',
    ).toEqual([1, 1, 1]);
    expect(new Set(seen.flat()).size, 'three colors').toBe(3);

    project.phase('Architect', '2', { phases_completed: ['Scout'] });
    await again();
    // The longest that a page waits before it tries again.
    await page.clock.fastForward(15_000);
    await expect(page.locator('[data-connection="live"]')).toBeVisible();
    await expect(page.locator('[data-phase="Architect"]')).toHaveAttribute('data-status', 'active');
    await expect.poll(() => levels(page)).toEqual(['fresh']);
    expect(await colors(page)).toEqual(seen[0]);
    expect(await wipes(page)).toEqual([]);
  });
}

test('a socket that was cut is resumed by revision: only what was missed is sent, and nothing shown is wiped', async ({ page }) => {
  const sockets = await Sockets.of(page);
  await opened(page);
  project.phase('Scout', '1', { progress_detail: 'Before the cut' });
  await expect(page.getByText('Before the cut')).toBeVisible();
  await lookForWipes(page);
  const held = sockets.heardNow(`session/${ID}`).at(-1);

  sockets.hold();
  await sockets.cut();
  await expect.poll(() => sockets.opened).toBe(2);
  for (const step of [1, 2, 3]) {
    project.phase('Scout', '1', { progress_detail: `Missed ${step}` });
    await folded(`Missed ${step}`);
  }
  project.append('.context-foundry/build-output-1.txt', 'a line that was missed\n');
  sockets.release();

  await expect(page.getByText('Missed 3')).toBeVisible();
  await expect(page.locator('[data-panel="log"] .line')).toHaveText([/the first line/, /a line that was missed/]);
  const asked = sockets.askedNow().find(({ topic }) => topic === `session/${ID}`);
  expect(asked).toMatchObject({ epoch: held?.epoch, revision: held?.revision });
  const heard = sockets.heardNow('session').filter(({ type }) => type !== 'heartbeat');
  expect(
    heard.filter(({ type }) => type === 'snapshot'),
    'nothing is sent whole',
  ).toEqual([]);
  expect(heard.filter(({ type }) => type === 'patch').length).toBeGreaterThan(0);
  expect(sockets.heardNow('log/').map(({ offset }) => offset)).toEqual([1]);
  expect(await wipes(page)).toEqual([]);
});

test('it is resumed by revision across a restart of the server, too', async ({ page }) => {
  const sockets = await Sockets.of(page);
  await opened(page);
  project.phase('Scout', '1', { progress_detail: 'Before the restart' });
  await expect(page.getByText('Before the restart')).toBeVisible();
  await lookForWipes(page);
  const held = sockets.heardNow(`session/${ID}`).at(-1);

  await forgecast.stop();
  await expect(page.locator('[data-connection="waiting"]')).toHaveAttribute('title', 'the server is restarting');
  project.phase('Architect', '2', { phases_completed: ['Scout'], progress_detail: 'Done while it was away' });
  sockets.hold();
  await forgecast.start();
  await folded('Done while it was away');
  sockets.release();

  await expect(page.getByText('Done while it was away')).toBeVisible();
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
  const asked = sockets.askedNow().find(({ topic }) => topic === `session/${ID}`);
  expect(asked).toMatchObject({ epoch: held?.epoch, revision: held?.revision });
  const heard = sockets.heardNow(`session/${ID}`).map(({ type, epoch }) => ({ type, epoch }));
  expect([...new Set(heard.map(({ type }) => type))]).toEqual(['patch']);
  expect(heard[0]?.epoch).toBe(held?.epoch);
  expect(await wipes(page)).toEqual([]);
});

test('polling takes over while the socket is refused and hands back; one thing is never asked for twice at once', async ({ page }) => {
  await page.clock.install();
  const sockets = await Sockets.of(page);
  const requests = new Requests(page);
  await opened(page);
  expect(requests.begun, 'nothing is polled while the socket is there').toBe(0);
  await lookForWipes(page);

  await sockets.refuse();
  await expect(page.locator('[data-connection="waiting"]')).toBeVisible();
  const view = (status: number) => requests.answered.filter((answer) => answer.path.endsWith(ID) && answer.status === status).length;
  const index = (status: number) => requests.answered.filter((answer) => answer.path.endsWith('/sessions') && answer.status === status).length;
  for (const round of [1, 2, 3]) {
    await page.clock.fastForward(5_000);
    await expect.poll(() => [view(200) + view(304), index(200) + index(304)]).toEqual([round, round]);
  }
  expect([view(200), index(200)], 'what did not change is not sent again').toEqual([1, 1]);
  await expect.poll(() => levels(page).then((all) => all.includes('fresh'))).toBe(true);
  await expect(page.locator('[data-panel="pipeline"] .fresh')).toHaveAttribute('data-level', 'fresh');

  project.phase('Architect', '2', { phases_completed: ['Scout'], progress_detail: 'Seen by polling' });
  await folded('Seen by polling');
  project.append('.context-foundry/build-output-1.txt', 'a line that was polled\n');
  await expect.poll(() => forgecast.logLines(ID)).toBe(2);
  await page.clock.fastForward(5_000);
  await expect(page.getByText('Seen by polling')).toBeVisible();
  await expect(page.locator('[data-panel="log"] .line')).toHaveText([/the first line/, /a line that was polled/]);
  await expect(page.locator('[data-panel="log"] .fresh')).toHaveAttribute('data-level', 'fresh');

  // An answer that is late is waited for, however many rounds pass.
  let late: (() => void) | undefined;
  const arrived = new Promise<void>((done) => (late = done));
  await page.route(
    ({ pathname }) => POLLED.test(pathname),
    async (route) => {
      await arrived;
      await route.continue().catch(() => undefined);
    },
  );
  const before = requests.begun;
  await page.clock.fastForward(5_000);
  await expect.poll(() => requests.begun).toBe(before + 2);
  for (let round = 0; round < 4; round += 1) await page.clock.fastForward(1_000);

  // The socket comes back while they are on their way: they are let go of, and what the socket says is what is shown.
  project.phase('Builder', '3', { phases_completed: ['Scout', 'Architect'], progress_detail: 'Seen by the socket' });
  await folded('Seen by the socket');
  await sockets.refuse(false);
  await page.clock.fastForward(15_000);
  await expect(page.locator('[data-connection="live"]')).toBeVisible();
  await expect(page.getByText('Seen by the socket')).toBeVisible();
  late?.();
  const total = requests.begun;
  const beats = () => sockets.frames.filter(({ type }) => type === 'heartbeat').length;
  for (let round = 0; round < 2; round += 1) {
    const heard = beats();
    await expect.poll(beats).toBeGreaterThan(heard);
    await page.clock.fastForward(5_000);
  }
  expect(requests.begun, 'nothing is polled any more').toBe(total);
  expect([...requests.most.values()], 'never two at once').toEqual([1, 1]);
  await expect(page.getByText('Seen by the socket')).toBeVisible();
  expect(await wipes(page)).toEqual([]);
});
