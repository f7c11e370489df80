import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COOL_DOWN_MS, NotificationQueue, COLLECT_MS } from './notification-queue';
import { isWanted, NOTIFICATION_KINDS, messageFor, messageForBudget, DEFAULT_PREFS, parsePrefs, withSession, type Message } from './notification-events';
import type { SessionRow } from '../generated/wire';

const row = (over: Partial<SessionRow> = {}): SessionRow => ({
  id: 'shop~1',
  name: 'shop',
  source: 'live',
  status: 'running',
  agents_active: 0,
  problems: 0,
  ...over,
});

describe('news', () => {
  it('say what happened and why', () => {
    const attention = (kind: Message['kind'], text: string) => ({ kind, text, seq: 1, since: '2026-01-31T12:00:00.000Z' });
    expect(messageFor(row(), attention('failed', 'Tests fail'))).toEqual({
      kind: 'failed',
      session: 'shop~1',
      title: 'shop failed',
      body: 'Tests fail',
      tag: 'forgecast shop~1 failed',
    });
    expect(messageFor(row({ waiting_for: 'permission' }), attention('waiting', 'run ls?')).title).toBe('shop needs approval');
    expect(messageFor(row({ waiting_for: 'answer' }), attention('waiting', '')).title).toBe('shop asks a question');
    expect(messageFor(row(), attention('waiting', '')).title).toBe('shop needs you');
    expect(messageFor(row(), attention('budget', 'budget of $10.00 used up')).body).toBe('budget of $10.00 used up');
  });

  it('of a budget have a tag for each mark', () => {
    const toast = { key: 'day 2026-11-22', scope: 'day' as const, text: '$8 of $10', session: undefined, at: undefined };
    const [near, over] = (['critical', 'exceeded'] as const).map((level) => messageForBudget({ ...toast, level }));
    expect(near?.tag).not.toBe(over?.tag);
    expect(over?.title).toBe('Budget exceeded');
  });
});

describe('preferences', () => {
  it('are read back as they were, and anything else is none', () => {
    const prefs = fc.record({
      on: fc.boolean(),
      without: fc.subarray([...NOTIFICATION_KINDS]),
      sessions: fc.dictionary(fc.string(), fc.boolean(), { noNullPrototype: true }).filter((it) => !Object.hasOwn(it, '__proto__')),
    });
    fc.assert(
      fc.property(prefs, (prefs) => {
        expect(parsePrefs(JSON.stringify(prefs))).toEqual(prefs);
      }),
    );
    fc.assert(fc.property(fc.jsonValue(), (json) => void parsePrefs(JSON.stringify(json))));
    for (const text of [null, '', 'null', '[]', '{"on":"yes"}', '{"sessions":7}']) expect(parsePrefs(text)).toEqual(DEFAULT_PREFS);
  });

  it('for one session come before those for all, and are dropped when they are the same', () => {
    const one = withSession(DEFAULT_PREFS, 'shop~1', true);
    expect(isWanted(one, { kind: 'failed', session: 'shop~1' })).toBe(true);
    expect(isWanted(one, { kind: 'failed', session: 'other~1' })).toBe(false);
    expect(isWanted({ ...one, without: ['failed'] }, { kind: 'failed', session: 'shop~1' })).toBe(false);
    expect(isWanted({ ...DEFAULT_PREFS, on: true }, { kind: 'budget', session: undefined })).toBe(true);
    expect(withSession(one, 'shop~1', false)).toEqual(DEFAULT_PREFS);
  });

  it('for single sessions do not pile up', () => {
    let prefs = DEFAULT_PREFS;
    for (let at = 0; at < 500; at += 1) prefs = withSession(prefs, `s${at}~1`, true);
    expect(Object.keys(prefs.sessions)).toHaveLength(200);
    expect(prefs.sessions['s499~1']).toBe(true);
  });
});

/** Tabs of one browser, each with a queue: what is shown in all of them. */
function tabs(count: number) {
  let now = 0;
  let due: { at: number; run: () => void }[] = [];
  const shown: Message[] = [];
  const looked = new Map<number, string>();
  const queues: NotificationQueue[] = Array.from(
    { length: count },
    (_, tab) =>
      new NotificationQueue({
        now: () => now,
        later: (run, ms) => due.push({ at: now + ms, run }),
        isLeader: () => tab === 0,
        isViewing: (session) => looked.get(tab) === session,
        announceSeen: (tag) => queues.forEach((one, other) => other !== tab && one.markSeen(tag)),
        show: (message) => shown.push(message),
      }),
  );
  const wait = (ms: number) => {
    now += ms;
    const ready = due.filter(({ at }) => at <= now);
    due = due.filter(({ at }) => at > now);
    for (const { run } of ready) run();
  };
  const add = (message: Message) => queues.forEach((queue) => queue.add(message));
  return { shown, looked, wait, add };
}

const message = (session = 'shop~1', kind: Message['kind'] = 'waiting'): Message => ({ kind, session, title: session, body: '', tag: `${session} ${kind}` });

describe('a message', () => {
  it('that every tab hears is shown once', () => {
    const { shown, wait, add } = tabs(3);
    add(message());
    wait(COLLECT_MS);
    expect(shown).toHaveLength(1);
  });

  it('is not shown again within a minute, and again after it', () => {
    const { shown, wait, add } = tabs(2);
    for (let at = 0; at < 5; at += 1) {
      add(message());
      wait(COLLECT_MS);
    }
    expect(shown).toHaveLength(1);
    add(message('shop~1', 'failed'));
    wait(COOL_DOWN_MS);
    add(message());
    wait(COLLECT_MS);
    expect(shown.map(({ kind }) => kind)).toEqual(['waiting', 'failed', 'waiting']);
  });

  it('is not shown while somebody looks at its session in any tab', () => {
    const { shown, looked, wait, add } = tabs(3);
    looked.set(2, 'shop~1');
    add(message());
    add(message('other~1'));
    wait(COLLECT_MS);
    expect(shown.map(({ session }) => session)).toEqual(['other~1']);
  });

  it('among many at once is one of a summary', () => {
    const { shown, wait, add } = tabs(1);
    for (let at = 0; at < 7; at += 1) add(message(`s${at}~1`, at < 2 ? 'failed' : 'completed'));
    wait(COLLECT_MS);
    expect(shown).toHaveLength(1);
    expect(shown[0]).toMatchObject({ title: '7 updates', body: '5 completed, 2 failed', session: undefined });
  });
});
