// An agent's own session as its user sees it, with no build at all: real transcripts that grow, hooks, telemetry, the real
// server, a real browser. Nothing is reloaded.

import { ClaudeSession, post, type Call } from '../support/claude.ts';
import { Forgecast } from '../support/forgecast.ts';
import { axeViolations, expect, test } from '../support/page.ts';

const ID = '258c7280-ae70-4f3e-9a51-6d0c5b1f7a10';
const TITLE = 'Find out why the invoice totals differ by a cent';

let forgecast: Forgecast;
let claude: ClaudeSession;

test.beforeEach(async () => {
  forgecast = new Forgecast();
  claude = new ClaudeSession(forgecast.claude, ID, `${forgecast.home}/work/invoice-portal`);
  await forgecast.start();
});
test.afterEach(() => forgecast.remove());

/** Until the server knows the session: a page that asks before is answered at its next try, seconds later. */
async function known(): Promise<void> {
  await expect.poll(async () => (await fetch(`${forgecast.url}/api/v1/sessions/${ID}`)).status).toBe(200);
}

/** 170,000 tokens for $0.85: 10k input, 20k output, 40k written to the cache, 100k read from it. */
const FIRST: Call = { message: 'msg_01first', request: 'req_01first', tokens: { input: 10_000, output: 20_000, cacheWrite: 40_000, cacheRead: 100_000 } };

test('a transcript is a session by its first prompt, whose tokens and cost grow with the file', async ({ page }) => {
  await page.goto(forgecast.url);
  await expect(page.getByText('No sessions yet')).toBeVisible();

  claude.prompt(`${TITLE}\nand mend it with a test`);
  const row = page.locator('[data-session]', { hasText: TITLE });
  await expect(row).toContainText('invoice-portal');

  await row.click();
  await expect(page.getByRole('heading', { name: TITLE, level: 1 })).toBeVisible();
  await expect(page.locator('[data-field="project"]')).toHaveText('invoice-portal');
  await expect(page.locator('[data-field="elapsed"]')).toHaveText(/^\d+s$/);
  await expect(page.locator('[data-panel="pipeline"], [data-panel="tests"], [data-panel="progress"]')).toHaveCount(0);
  await expect(page.getByRole('heading', { name: 'Activity' })).toBeVisible();
  await expect(page.locator('[data-panel="log"]')).toContainText(TITLE);

  const usage = page.locator('[data-panel="usage"]');
  const total = usage.locator('[data-field="tokens"]');
  const cost = usage.locator('.sum [data-field="cost"]');
  // One call is written on several lines, each with all that it used so far: it counts once.
  claude.call({ ...FIRST, tokens: { ...FIRST.tokens, output: 2_000 } });
  await expect(total).toHaveAttribute('title', '152,000');
  await expect(cost).toHaveText('$0.40');
  claude.call({ ...FIRST, content: [{ type: 'tool_use', id: 'toolu_01a', name: 'Bash', input: { command: 'npm test', description: 'Run the tests' } }] });
  await expect(total).toHaveAttribute('title', '170,000');
  await expect(cost).toHaveText('$0.85');
  await expect(usage.locator('[data-field="cache-hits"]')).toHaveText('67%');
  // The window of this model holds a million tokens.
  await expect(usage.locator('[data-field="context"]')).toContainText('15%');
  await expect(usage.locator('[data-field="context"]')).not.toContainText('critical');
  await expect(usage.locator('[data-field="burn"]')).toContainText('tok/min');
  await expect(usage.locator('[data-share="claude-opus-4-8"]')).toContainText('$0.85');
  await expect(page.locator('[data-panel="log"]')).toContainText('npm test');

  // What no table of prices knows is counted and said to be unpriced, never guessed.
  claude.call({ message: 'msg_02other', request: 'req_02other', model: 'claude-of-tomorrow-9', tokens: { input: 1_000, output: 500 } });
  await expect(total).toHaveAttribute('title', '171,500');
  await expect(usage.locator('.sum')).toContainText('at least $0.85');
  await expect(usage.locator('.sum')).toContainText('2 calls, 1 unpriced');
  await expect(usage.locator('[data-share="claude-of-tomorrow-9"]')).toContainText('unpriced');

  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await axeViolations(page), colorScheme).toEqual([]);
  }
});

test('a subagent stands below the session’s own agent, with its tokens', async ({ page }) => {
  claude.prompt(TITLE);
  await known();
  await page.goto(`${forgecast.url}/session/${ID}`);
  await expect(page.getByRole('heading', { name: TITLE, level: 1 })).toBeVisible();
  const use = {
    type: 'tool_use',
    id: 'toolu_01sub',
    name: 'Task',
    input: { description: 'Look for every place that rounds', subagent_type: 'Explore', prompt: 'Find the rounding.' },
  };
  claude.call({ ...FIRST, content: [use] });
  claude.subagentPrompt('a61f', 'Find the rounding.');
  claude.call({ message: 'msg_01sub', request: 'req_01sub', tokens: { input: 4_000, output: 1_000 } }, 'a61f');

  const agents = page.locator('[data-panel="agents"]');
  const sub = agents.locator('[data-agent="a61f"]');
  await expect(sub.locator('[data-field="tokens"]')).toContainText('5k');
  await expect(sub).toHaveClass(/depth-1/);
  await expect(sub).toHaveClass(/active/);
  await expect(agents.locator('[data-agent="main"] [data-field="tokens"]')).toContainText('170k');
  await expect(agents.locator('[data-agent="main"]')).toHaveClass(/depth-0/);

  claude.call({ message: 'msg_02sub', request: 'req_02sub', tokens: { input: 500, output: 500 }, stop: 'end_turn' }, 'a61f');
  claude.subagentDone('a61f', 'toolu_01sub');
  await expect(sub).toHaveClass(/completed/);
  await expect(sub).toContainText('Look for every place that rounds');
  await expect(sub).toContainText('Explore');
  await expect(sub.locator('[data-field="tokens"]')).toContainText('6k');

  await page.getByRole('group', { name: 'Usage by', exact: true }).getByRole('button', { name: 'Agent' }).press('Enter');
  await expect(page.locator('[data-share="a61f"]')).toContainText('6k');
});

test('a hook that asks for permission turns it to waiting at once, and the work that goes on ends the wait', async ({ page }) => {
  claude.prompt(TITLE);
  claude.call(FIRST);
  await page.goto(forgecast.url);
  const row = page.locator('[data-session]', { hasText: TITLE });
  await expect(row.locator('[data-status="running"]')).toBeVisible();

  const hooks = `${forgecast.url}/api/v1/hooks/claude`;
  const asks = claude.hook('Notification', { notification_type: 'permission_prompt', message: 'Claude needs your permission to use Bash' });
  const answer = await post(hooks, asks);
  expect(answer.status).toBeGreaterThanOrEqual(200);
  expect(answer.status).toBeLessThan(300);
  expect(answer.body, 'a body would be read as a command to the agent').toBe('');
  await page.getByRole('button', { name: /^waiting\s+1/i }).click();
  await expect(row.locator('[data-waiting-for="permission"]')).toHaveText(/needs approval/);
  await expect(page.locator('[data-total="waiting"]')).toContainText('1 blocked');

  await row.click();
  await expect(page.locator('[data-panel="header"] [data-waiting-for="permission"]')).toBeVisible();
  await expect(page.locator('[data-panel="header"]')).toContainText('permission to use Bash');
  expect(await axeViolations(page)).toEqual([]);

  await post(hooks, claude.hook('PostToolUse', { tool_name: 'Bash', tool_use_id: 'toolu_01b', tool_input: { command: 'npm test' }, tool_response: {} }));
  await expect(page.locator('[data-panel="header"] [data-status="running"]')).toBeVisible();
});

test('telemetry and a hook of a call that the transcript told add where it is known from, and no token', async ({ page }) => {
  claude.prompt(TITLE);
  claude.call({ ...FIRST, content: [{ type: 'tool_use', id: 'toolu_01c', name: 'Bash', input: { command: 'npm test' } }] });
  await known();
  await page.goto(`${forgecast.url}/session/${ID}`);
  const usage = page.locator('[data-panel="usage"]');
  await expect(usage.locator('[data-field="tokens"]')).toHaveAttribute('title', '170,000');
  await expect(usage.locator('[data-provenance]')).toHaveText(['transcript']);

  const logs = `${forgecast.url}/v1/logs`;
  expect((await post(logs, claude.telemetry(FIRST, 0.85))).status).toBe(200);
  await expect(usage.locator('[data-provenance]')).toHaveText(['transcript', 'otel']);
  await expect(usage.locator('[data-field="accounts"]')).toContainText('otel');
  await expect(usage.getByText('disputed')).toHaveCount(0);
  expect((await post(logs, claude.telemetry(FIRST, 0.85))).status).toBe(200);
  const used = { tool_name: 'Bash', tool_use_id: 'toolu_01c', tool_input: { command: 'npm test' }, tool_response: {} };
  await post(`${forgecast.url}/api/v1/hooks/claude`, claude.hook('PostToolUse', used));
  await expect(usage.locator('[data-provenance]')).toHaveText(['transcript', 'otel', 'hook']);
  await expect(usage.locator('[data-field="tokens"]')).toHaveAttribute('title', '170,000');

  // A call on which the two disagree is marked; the transcript counts.
  const second: Call = { message: 'msg_02', request: 'req_02', tokens: { input: 1_000, output: 1_000 } };
  claude.call(second);
  await expect(usage.locator('[data-field="tokens"]')).toHaveAttribute('title', '172,000');
  await post(logs, claude.telemetry({ ...second, tokens: { input: 1_000, output: 700 } }, 0.02));
  await expect(usage.getByText('⚠ 1 call disputed')).toBeVisible();
  await expect(usage.locator('[data-field="tokens"]')).toHaveAttribute('title', '172,000');
  expect(await axeViolations(page)).toEqual([]);
});

test('what was spent today, and how fast, stands above the sessions', async ({ page }) => {
  claude.prompt(TITLE);
  claude.call(FIRST);
  const report = async () => (await (await fetch(`${forgecast.url}/api/v1/stats`)).json()) as { today?: { calls: number } };
  await expect.poll(async () => (await report()).today?.calls).toBe(1);
  await page.goto(forgecast.url);
  await expect(page.locator('[data-session]', { hasText: TITLE })).toContainText('$0.85');
  await expect(page.locator('[data-total="spent"]')).toContainText('$0.85');
  await expect(page.locator('[data-total="tokens"]')).toContainText('170k');
  await expect(page.locator('[data-total="burn"]')).toContainText('/h');
  // Nothing is projected from less than half an hour of use.
  await expect(page.locator('[data-total="projected"]')).toHaveCount(0);
});

test('a budget that is passed is said quietly, and put away by hand', async ({ page }) => {
  await forgecast.stop();
  const url = forgecast.url;
  await forgecast.remove();
  forgecast = new Forgecast({ FORGECAST_BUDGETS_SESSION_USD: '1' });
  claude = new ClaudeSession(forgecast.claude, ID, `${forgecast.home}/work/invoice-portal`);
  forgecast.url = url;
  await forgecast.start();
  claude.prompt(TITLE);
  await known();
  await page.goto(`${forgecast.url}/session/${ID}`);
  await expect(page.getByRole('heading', { name: TITLE, level: 1 })).toBeVisible();
  claude.call(FIRST);
  const toast = page.locator('[data-toast]');
  await expect(toast).toContainText('$0.85 of $1.00');
  await expect(page.locator('[data-panel="usage"] [data-field="budget"]')).toContainText('critical');
  expect(await axeViolations(page)).toEqual([]);
  await toast.getByRole('button').click();
  await expect(toast).toHaveCount(0);
});

test('an agent that runs in the folder of a build is the build’s: its tokens are there and by phase, and no session is added', async ({ page }) => {
  const project = forgecast.project('shop');
  project.phase('Builder', '3', { phases_completed: ['Scout', 'Architect'] });
  await page.goto(forgecast.url);
  await expect(page.locator('[data-session="shop~1"]')).toBeVisible();
  claude = new ClaudeSession(forgecast.claude, ID, project.folder);
  claude.prompt(TITLE);
  claude.call(FIRST);
  await expect(page.locator('[data-session="shop~1"]')).toContainText('$0.85');
  await expect(page.locator('[data-session]')).toHaveCount(1);
  await page.locator('[data-session="shop~1"]').click();
  await expect(page.getByRole('heading', { name: 'shop', level: 1 })).toBeVisible();
  await expect(page.locator('[data-panel="usage"] [data-provenance]')).toHaveText(['transcript']);
  await page.getByRole('group', { name: 'Usage by', exact: true }).getByRole('button', { name: 'Phase' }).click();
  await expect(page.locator('[data-share="Builder"]')).toContainText('170k');
});

test('what a transcript holds is text, whatever it looks like', async ({ page }) => {
  const text = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  claude.prompt(text);
  claude.call({ ...FIRST, model: text, content: [{ type: 'tool_use', id: 'toolu_01x', name: text, input: { description: text, command: text } }] });
  claude.subagentPrompt('e5f1', text);
  claude.call({ ...FIRST, message: 'msg_x', request: 'req_x' }, 'e5f1');
  await known();
  await page.goto(`${forgecast.url}/session/${ID}`);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('<img src=x');
  await expect(page.locator('[data-panel="usage"]')).toContainText('<script>alert(2)</script>');
  await expect(page.locator('[data-panel="log"]')).toContainText('<script>alert(2)</script>');
  expect(await page.locator('script:not([src]), img[onerror]').count()).toBe(0);
  await page.goto(forgecast.url);
  await expect(page.locator('[data-session]')).toContainText('<img src=x');
});
