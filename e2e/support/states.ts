// States as the server would send them, rich enough to fill every panel. Times are relative to now.

import type { Mock } from './mock.ts';

type Json = Record<string, unknown>;

/** Gives a server the overview, a build that fills every panel, and a report. */
export function fill(mock: Mock, id: string): void {
  mock.put('sessions', { sessions: rows(), total: 22, problems: {} });
  mock.put(`session/${id}`, richView(id));
  mock.report = report();
}

export const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

export const PHASES = ['Scout', 'Architect', 'Builder', 'Test', 'Screenshot', 'Documentation', 'Deploy', 'Feedback'];

/** A build in its second round of self-healing, with something in every panel. */
export function richView(id = 'weather-app~1'): Json {
  return {
    id,
    name: 'weather-app',
    project: 'Weather dashboard',
    task: 'Build a weather dashboard with a seven-day forecast, severe weather alerts and offline support; tests for every route.',
    host: 'build-03',
    working_directory: '/srv/builds/weather-app',
    source: 'live',
    status: 'running',
    status_word: 'self-healing',
    status_reason: 'Fixing two failing tests of the forecast cache',
    phase: { name: 'Builder', number: '3', total: 8, detail: 'Applying the fix for the stale cache entry (iteration 2)', started_at: ago(312) },
    phases: {
      Scout: { order: 1, status: 'completed', started_at: ago(4200), ended_at: ago(3900), attempts: 1 },
      Architect: { order: 2, status: 'completed', started_at: ago(3900), ended_at: ago(400), attempts: 2 },
      Builder: { order: 3, status: 'active', started_at: ago(3300), attempts: 2 },
      Test: { order: 4, status: 'completed', started_at: ago(1500), ended_at: ago(700), attempts: 1 },
      Screenshot: { order: 5, status: 'pending', attempts: 0 },
      Documentation: { order: 6, status: 'pending', attempts: 0 },
      Deploy: { order: 7, status: 'pending', attempts: 0 },
      Feedback: { order: 8, status: 'pending', attempts: 0 },
    },
    progress: {
      percent: 46.5,
      tasks_completed: 7,
      tasks_total: 12,
      tasks: Object.fromEntries(
        [
          'API client',
          'Response cache',
          'Forecast page',
          'Alerts banner',
          'Settings',
          'Offline support',
          'Unit tests',
          'Route tests',
          'Error pages',
          'Accessibility pass',
          'Documentation',
          'Deployment recipe',
        ].map((description, order) => [
          `task-${order + 1}`,
          {
            order,
            description,
            status: order < 7 ? 'completed' : order === 7 ? 'in_progress' : order === 8 ? 'failed' : 'pending',
            ...(order === 7 && { dependencies: ['task-2', 'task-3'], files: ['tests/routes.test.ts'] }),
          },
        ]),
      ),
    },
    tests: {
      iteration: 2,
      summary: { total: 88, passed: 86, failed: 2, source: 'report' },
      iterations: {
        1: { run: 84, passed: 71, failed: 13, verdict: false, at: ago(1400) },
        2: { run: 88, passed: 86, failed: 2, verdict: false, at: ago(720) },
      },
    },
    agents: {
      main: { type: 'orchestrator', name: 'Orchestrator', status: 'active', phase: 'Builder', tokens: 812_000, started_at: ago(4200) },
      b1: {
        type: 'builder',
        name: 'Builder 1',
        parent: 'main',
        status: 'active',
        phase: 'Builder',
        progress_percent: 60,
        tokens: 143_500,
        started_at: ago(310),
      },
      b2: {
        type: 'builder',
        name: 'Builder 2',
        parent: 'main',
        status: 'completed',
        phase: 'Builder',
        tokens: 98_200,
        started_at: ago(3300),
        ended_at: ago(1600),
        issues_found: 4,
        issues_fixed: 4,
      },
      t1: {
        type: 'tester',
        name: 'Test runner',
        parent: 'b1',
        status: 'failed',
        phase: 'Test',
        tokens: 44_100,
        started_at: ago(1500),
        ended_at: ago(700),
        error: 'two tests of the forecast cache fail',
      },
    },
    usage: usage(),
    decisions: {
      total: 4,
      avg_quality: 3.5,
      lessons_used: 1,
      recent: {
        'f1:1': {
          title: 'Cache entries are keyed by city only, so units are mixed up',
          category: 'Architecture',
          severity: 'HIGH',
          phase: 'Test',
          should_detect_in_phase: 'Architect',
          root_cause: 'The key was chosen before the unit setting existed.',
          solution: 'Put the unit into the key; add a test for it.',
          confidence: 'high',
          quality: 4,
          at: ago(690),
        },
        'f1:2': {
          title: 'Use fake timers in the alert tests',
          category: 'Testing',
          severity: 'LOW',
          phase: 'Test',
          lesson_used: true,
          quality: 3,
          at: ago(1300),
        },
      },
    },
    patterns: {
      'cors-dev': { title: 'CORS blocks local modules', library: 'common-issues', severity: 'HIGH', frequency: 7, times_prevented: 5 },
      'unit-key': { title: 'Cache key lacks a parameter', library: 'common-issues', severity: 'MEDIUM', frequency: 3 },
    },
    artifacts: {
      '.context-foundry/scout-report.md': { kind: 'scout_report', size: 14_220, modified_at: ago(3900) },
      '.context-foundry/architecture.md': { kind: 'architecture', size: 22_180, modified_at: ago(400) },
      '.context-foundry/test-results-iteration-2.md': { kind: 'test_report', size: 3_300, modified_at: ago(700) },
      'logs/build.log': { kind: 'log', size: 1_840_000, modified_at: ago(3) },
    },
    estimate: { at: ago(312), remaining_s: 1900, low_s: 1300, high_s: 2700, basis: 'median of 4 earlier runs of this project' },
    links: { repository: 'https://example.org/weather-app', odd: 'javascript:alert(1)' },
    errors: { 1: { message: 'npm test ended with status 1', details: '2 of 88 tests failed\n  forecast cache › keeps units apart', at: ago(705) } },
    problems: {
      'field:test_iteration': {
        kind: 'bad_field',
        message: 'test_iteration holds "two"; the number before was kept',
        subject: '.context-foundry/current-phase.json',
      },
    },
    started_at: ago(4200),
    last_work_at: ago(4),
    changed_at: {
      phase: ago(312),
      phases: ago(312),
      progress: ago(60),
      tests: ago(700),
      agents: ago(20),
      usage: ago(20),
      decisions: ago(690),
      patterns: ago(690),
      artifacts: ago(3),
    },
  };
}

/** Usage by all there is: two sources that differ on some calls, a model without a price, a budget at three quarters. */
export function usage(): Json {
  const minute = (back: number) => `${new Date(Math.floor(Date.now() / 60_000 - back) * 60_000).toISOString().slice(0, 19)}Z`;
  const used = [34, 0, 51, 80, 12, 0, 0, 44, 95, 61, 20, 0, 0, 0, 0, 70, 120, 64, 33, 18, 0, 41, 77, 52];
  return {
    input: 214_000,
    output: 96_400,
    cache_read: 3_410_000,
    cache_write: 402_000,
    cost_usd: 7.82,
    priced: false,
    calls: 214,
    unpriced_calls: 3,
    disputed_calls: 2,
    by_model: {
      'claude-opus-5': { input: 180_000, output: 80_000, cache_read: 3_000_000, cache_write: 350_000, cost_usd: 7.3 },
      'claude-haiku-4-5-20251001': { input: 30_000, output: 12_400, cache_read: 400_000, cache_write: 52_000, cost_usd: 0.52 },
      'local-coder-30b': { input: 4_000, output: 4_000, cache_read: 10_000, cache_write: 0 },
    },
    by_phase: {
      Scout: { input: 40_000, output: 9_000, cache_read: 400_000, cache_write: 80_000, cost_usd: 0.8 },
      Builder: { input: 120_000, output: 70_000, cache_read: 2_400_000, cache_write: 250_000, cost_usd: 5.8 },
      Test: { input: 54_000, output: 17_400, cache_read: 610_000, cache_write: 72_000, cost_usd: 1.22 },
    },
    by_agent: {
      main: { input: 150_000, output: 60_400, cache_read: 2_410_000, cache_write: 302_000, cost_usd: 5.4 },
      b1: { input: 44_000, output: 26_000, cache_read: 800_000, cache_write: 80_000, cost_usd: 2.02 },
      b2: { input: 20_000, output: 10_000, cache_read: 200_000, cache_write: 20_000, cost_usd: 0.4 },
    },
    by_source: {
      transcript: { input: 214_000, output: 96_400, cache_read: 3_410_000, cache_write: 402_000, cost_usd: 7.82, calls: 214 },
      otel: { input: 211_400, output: 96_400, cache_read: 3_398_000, cache_write: 402_000, cost_usd: 7.79, calls: 211 },
    },
    recent: Object.fromEntries(used.flatMap((kilo, back) => (kilo > 0 ? [[minute(back), { tokens: kilo * 1000, cost_usd: kilo / 900 }]] : []))),
    context: { used: 128_000, limit: 200_000, percent: 64, level: 'warning' },
    budget: { limit_usd: 10, level: 'critical' },
    provenance: ['transcript', 'otel', 'hook'],
  };
}

/** An agent's own session, read from its transcript: a title, two subagents and a log, no phases, tasks or tests. */
export function transcriptView(id = '258c7280-ae70-4f3e~1'): Json {
  const { by_phase, budget, ...used } = usage();
  void [by_phase, budget];
  const share = (at: number) => ({ input: 9_000 * at, output: 4_100 * at, cache_read: 210_000 * at, cache_write: 31_000 * at, cost_usd: 0.61 * at });
  return {
    id,
    name: 'Find out why the invoice totals differ by a cent between the list and the PDF, and mend it with a test',
    project: 'invoice-portal',
    working_directory: '/home/robin/invoice-portal',
    source: 'transcript',
    status: 'waiting',
    waiting_for: 'permission',
    status_reason: 'Wants to run: npm run migrate -- --dry-run',
    progress: {},
    agents: {
      a61f: { type: 'Explore', name: 'Look for every place that rounds', status: 'completed', started_at: ago(1500), ended_at: ago(1180) },
      b07c: { type: 'general-purpose', name: 'Compare the PDF with the list', status: 'active', started_at: ago(400) },
      c9d2: { type: 'Explore', parent: 'b07c', status: 'active', started_at: ago(120) },
    },
    usage: { ...used, by_agent: { main: share(5), a61f: share(2), b07c: share(3), c9d2: share(1) } },
    started_at: ago(1900),
    last_work_at: ago(6),
    changed_at: { agents: ago(20), usage: ago(20) },
  };
}

/** The report of what all sessions used. */
export function report(over: Json = {}): Json {
  const amount = { input: 2_140_000, output: 964_000, cache_read: 31_410_000, cache_write: 4_020_000, cost_usd: 41.37, calls: 1_904, unpriced_calls: 12 };
  return {
    group_by: 'day',
    rows: [{ day: ago(0).slice(0, 10), ...amount }],
    totals: amount,
    today: amount,
    today_projected_usd: { low: 71.5, high: 96.2 },
    burn: { window_s: 600, tokens_per_minute: 84_200, usd_per_hour: 7.44 },
    budgets: [
      { scope: 'day', period: ago(0).slice(0, 10), limit_usd: 80, spent_usd: 41.37, projected_usd: { low: 71.5, high: 96.2 }, level: 'warning' },
      { scope: 'month', period: ago(0).slice(0, 7), limit_usd: 1000, spent_usd: 312.5, projected_usd: { low: 900, high: 1204 }, level: 'safe' },
    ],
    prices_of: '2026-11-21',
    ...over,
  };
}

/** Whom the server calls, one well, one in trouble and one given up, and what became of its messages. */
export function notifications(): Json {
  const target = {
    events: ['waiting', 'failed', 'stalled', 'budget'],
    your_turn: false,
    projects: [],
    resolved: false,
    include_text: true,
    waiting: 0,
    failures: 0,
  };
  const item = (session: string, kind: string, text: string) => ({ session: `${session}~1`, seq: 1, kind, since: ago(300), name: session, text });
  const message = (id: number, over: Json) => ({
    id: `msg_${id}`,
    target: 'phone',
    event: 'attention',
    state: 'delivered',
    created_at: ago(id * 240),
    attempts: 1,
    items: [],
    ...over,
  });
  return {
    targets: [
      { ...target, name: 'phone', kind: 'ntfy', host: 'ntfy.example', quiet: '22:00-07:00', resolved: true },
      { ...target, name: 'team', kind: 'slack', host: 'hooks.slack.example', projects: ['web-*'], failures: 3, waiting: 2, next_attempt_at: ago(-95) },
      { ...target, name: 'pager', kind: 'webhook', host: 'pager.example', failures: 1, disabled: 'it answered 410 Gone' },
    ],
    notifications: [
      message(1, {
        target: 'team',
        state: 'waiting',
        attempts: 3,
        error: 'it answered 503',
        items: [item('invoice-portal', 'waiting', 'Wants to run: npm run migrate')],
      }),
      message(2, {
        items: [item('invoice-portal', 'waiting', 'Wants to run: npm run migrate'), item('chess-clock', 'failed', 'Test: 3 of 57 tests still fail')],
      }),
      message(3, { resolved: [item('recipe-box', 'stalled', '')] }),
      message(4, {
        target: 'pager',
        state: 'dead',
        attempts: 12,
        error: 'it answered 410 Gone',
        items: [item('map-tiles', 'stalled', 'No work for 15 minutes')],
      }),
      message(5, { event: 'test' }),
    ],
    silenced_until: ago(-1_500),
  };
}

/** A row as the index would have it. */
export function row(id: string, over: Json = {}): Json {
  return {
    id,
    name: id.replace(/~\d+$/, ''),
    source: 'live',
    status: 'running',
    phase: { name: 'Builder', number: '3', total: 8 },
    phases: {
      Scout: 'completed',
      Architect: 'completed',
      Builder: 'active',
      Test: 'pending',
      Documentation: 'pending',
      Deploy: 'pending',
      Feedback: 'pending',
    },
    progress_percent: 37,
    agents_active: 2,
    problems: 0,
    started_at: ago(1800),
    last_work_at: ago(5),
    ...over,
  };
}

/** Twenty sessions in every state. */
/** What running sessions do, one after the other. */
const ACTIVITIES: Json[] = [
  { kind: 'tool', text: 'Edit src/sync/queue.rs', subagents: 2 },
  { kind: 'tests', text: 'Test run 2: 41 passed, 2 failed', attempt: 2 },
  { kind: 'words', text: 'The old validators are only used in two places, so I will move them first.' },
  { kind: 'thinking', text: 'Thinking, after Bash cargo check --workspace' },
  { kind: 'phase', text: 'Writing the release notes' },
];

/** What needs a person's notice since so many seconds. */
export function attention(kind: string, seconds: number, text: string, over: Json = {}): Json {
  return { kind, since: ago(seconds), seq: 1, text, ...over };
}

export function rows(): Json {
  const names = [
    'weather-app',
    'invoice-portal',
    'recipe-box',
    'chess-clock',
    'photo-sorter',
    'habit-tracker',
    'sql-linter',
    'mail-digest',
    'map-tiles',
    'quiz-engine',
    'budget-cli',
    'pdf-merger',
    'feed-reader',
    'todo-sync',
    'voice-notes',
    'garden-plan',
    'price-watch',
    'team-rota',
    'log-shipper',
    'dns-probe',
  ];
  const statuses = ['running', 'running', 'waiting', 'running', 'stalled', 'completed', 'failed', 'running', 'completed', 'abandoned'];
  const list = names.map((name, at) => {
    const status = statuses[at % statuses.length] ?? 'running';
    const over = status === 'completed' || status === 'failed' || status === 'abandoned';
    const reached = status === 'completed' ? PHASES.length : 1 + ((at * 3) % (PHASES.length - 1));
    const current = PHASES[Math.min(reached, PHASES.length - 1)] ?? 'Scout';
    return row(`${name}~${1 + (at % 3)}`, {
      status,
      task: `Build ${name.replace('-', ' ')} with tests and documentation`,
      ...(status === 'running' && { activity: { ...ACTIVITIES[at % ACTIVITIES.length], since: ago(3 + at) } }),
      ...(status === 'waiting' && {
        status_reason: 'Wants to run: npm run migrate && npm test',
        waiting_for: at < 10 ? 'permission' : 'answer',
        attention: attention('waiting', 240 + at, 'Wants to run: npm run migrate && npm test'),
      }),
      ...(status === 'stalled' && { status_reason: 'No work for 18 minutes', attention: attention('stalled', 180, 'No work for 18 minutes') }),
      ...(status === 'failed' && {
        status_reason: 'Tests still failed after 5 runs',
        attention: attention('failed', 200 + at * 60, 'Tests still failed after 5 runs'),
      }),
      phase: { name: current, number: String(reached), total: 8 },
      phases: Object.fromEntries(
        PHASES.map((phase, order) => [
          phase,
          status === 'completed' || order < reached
            ? 'completed'
            : order === reached
              ? status === 'failed'
                ? 'failed'
                : over
                  ? 'pending'
                  : 'active'
              : 'pending',
        ]),
      ),
      progress_percent: status === 'completed' ? 100 : Math.round((reached / PHASES.length) * 100),
      ...(reached > 2 && { tests: { passed: 20 + at * 7, ...(at % 4 === 0 ? { failed: 1 + (at % 5) } : { failed: 0 }) } }),
      usage: { tokens: 120_000 * (at + 1), ...(at % 3 !== 1 ? { cost_usd: 0.37 * (at + 1), ...(at % 7 === 0 && { unpriced: true }) } : { unpriced: true }) },
      agents_active: over ? 0 : 1 + (at % 3),
      problems: at === 7 ? 2 : 0,
      started_at: ago(900 + at * 640),
      ...(over && { ended_at: ago(200 + at * 60) }),
      last_work_at: ago(over ? 200 + at * 60 : 2 + at),
    });
  });
  const { id, name, project, source, status, waiting_for, status_reason } = transcriptView();
  const own = row(String(id), {
    name,
    project,
    source,
    status,
    waiting_for,
    status_reason,
    usage: { tokens: 4_100_000, cost_usd: 7.82 },
    started_at: ago(500),
  });
  for (const absent of ['phase', 'phases', 'progress_percent']) delete own[absent];
  const idle = {
    ...own,
    id: 'f00dfeed-1234~1',
    name: 'Explain how the feed is cached',
    project: 'feed-reader',
    waiting_for: 'prompt',
    status_reason: 'Finished its turn',
    attention: attention('waiting', 300, 'Finished its turn', { your_turn: true }),
    started_at: ago(700),
    agents_active: 0,
  };
  return Object.fromEntries([...list, own, idle].map((item) => [item['id'] as string, item]));
}

/** What agents do in a session of their own; some of it a subagent does. */
export function activityLines(): { at: string; level?: string; from?: string; text: string }[] {
  const said: [string, string?, string?][] = [
    ['› Find out why the invoice totals differ by a cent between the list and the PDF, and mend it with a test'],
    ['I will look for every place that rounds, and compare both with the data.'],
    ['Task Look for every place that rounds'],
    ['Grep "Math.round" in src', 'a61f'],
    ['Read src/invoice/total.ts', 'a61f'],
    ['Read src/pdf/totals.ts', 'a61f'],
    ['Three places round: the line, the tax and the sum. The PDF rounds the tax per line, the list once.', 'a61f'],
    ['Task Compare the PDF with the list'],
    ['Bash npm test -- totals', 'b07c'],
    ['Bash failed: 1 of 34 tests failed', 'b07c', 'error'],
    ['Task Find the fixtures', 'b07c'],
    ['Glob fixtures/**/*.json', 'c9d2'],
    ['Edit src/invoice/total.ts'],
    ['Bash npm run migrate -- --dry-run'],
  ];
  return said.map(([text, from, level], at) => ({ at: ago((said.length - at) * 21), text, ...(from && { from }), ...(level && { level }) }));
}

const TEXTS: { level?: string; text: string; spans?: { start: number; end: number; style: string }[] }[] = [
  { level: 'info', text: 'builder: reading src/cache/forecast.ts' },
  { text: '  ✓ keeps entries for ten minutes (12 ms)', spans: [{ start: 2, end: 3, style: 'fg-2' }] },
  { text: '  ✗ keeps units apart (31 ms)', spans: [{ start: 2, end: 21, style: 'bold fg-1' }] },
  { level: 'warn', text: 'retrying the request to the weather service in 2 s' },
  { level: 'error', text: 'AssertionError: expected 21.5 to equal 70.7' },
  { level: 'debug', text: 'cache: 14 entries, 3 expired' },
];

export function logLines(count: number, secondsApart = 2): { at: string; level?: string; text: string }[] {
  return Array.from({ length: count }, (_, at) => ({
    at: ago((count - at) * secondsApart),
    ...TEXTS[at % TEXTS.length]!,
  }));
}

/** How much of two plans is used up; `session` took a half of the first one. */
export function limits(session: string, over: Json = {}): Json {
  const hour = 3_600_000;
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const share = { key: session, share_percent: 50, window_percent: 31.2, tokens: 1_000_000, cost_usd: 6 };
  const official = {
    agent: 'claude',
    window_minutes: 300,
    basis: 'official',
    used_percent: 62.4,
    resets_at: at(2 * hour),
    used_up: { from: at(hour), to: at(1.5 * hour) },
    tokens: 2_000_000,
    cost_usd: 12,
    sessions: [share],
    ...over,
  };
  const ended = { agent: 'codex', window_minutes: 10_080, basis: 'official', unknown_since: at(-hour), tokens: 0, cost_usd: 0 };
  return { windows: [official, ended], today_usd: 12 };
}
