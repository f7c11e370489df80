import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection, Follower, LiveSocket } from './socket';
import { fakeLiveSocket, type FakeSocket } from './socket.fake';
import type { ClientMessage } from '../generated/wire';

const TOPIC = 'session/a~1';
const snapshot = (revision: number, state: object = { n: revision }, epoch = '0000000a', topic = TOPIC) => ({
  type: 'snapshot',
  topic,
  epoch,
  revision,
  state,
});
const patch = (from: number, epoch = '0000000a') => ({
  type: 'patch',
  topic: TOPIC,
  epoch,
  from,
  revision: from + 1,
  patch: { n: from + 1 },
});

let sockets: FakeSocket[];
let connections: Connection[];
let live: LiveSocket;
let told: string[];
let other: number | undefined;

const follower: Follower = {
  snapshot: (state, topic) => told.push(`snapshot ${topic} ${JSON.stringify(state)}`),
  patch: (change) => told.push(`patch ${JSON.stringify(change)}`),
  log: (offset, lines, skipped, fresh) => told.push(`log ${offset}+${lines.length} skipped ${skipped}${fresh ? ' fresh' : ''}`),
  confirmed: () => told.push('confirmed'),
  removed: () => told.push('removed'),
  event: (event, topic) => told.push(`event ${topic} ${JSON.stringify(event)}`),
  refused: (problem) => told.push(`refused ${problem.status}`),
};

const current = (): FakeSocket => sockets[sockets.length - 1]!;
const heard = (): string[] => told.splice(0);
const asked = (): ClientMessage[] => current().sent.splice(0);
const state = (): Connection => connections[connections.length - 1]!;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  connections = [];
  told = [];
  other = undefined;
  live = fakeLiveSocket(sockets, {
    onConnection: (connection) => connections.push(connection),
    onOtherProtocol: (protocol) => (other = protocol),
  });
});
afterEach(() => vi.useRealTimers());

function connected(): void {
  live.connect();
  current().accept();
}

describe('following a topic', () => {
  it('asks when the socket opens and passes on the snapshot and what follows it', () => {
    live.follow(TOPIC, follower);
    connected();
    expect(asked()).toEqual([{ type: 'subscribe', topic: TOPIC }]);
    current().say(snapshot(4));
    current().say(patch(4));
    expect(heard()).toEqual([`snapshot ${TOPIC} {"n":4}`, 'confirmed', 'patch {"n":5}', 'confirmed']);
  });

  it('knows its topic again under the canonical name', () => {
    live.follow('session/a', follower);
    connected();
    current().say(snapshot(1, {}, '0000000a', 'session/a~3'));
    current().say({ ...patch(1), topic: 'session/a~3' });
    expect(heard()).toContain('patch {"n":2}');
    current().drop();
    vi.advanceTimersByTime(1_000);
    current().accept();
    expect(asked()).toEqual([{ type: 'subscribe', topic: 'session/a~3', epoch: '0000000a', revision: 2 }]);
  });

  it('does not take another session of a similar name for its own', () => {
    live.follow('session/a', follower);
    connected();
    current().say(snapshot(1, {}, '0000000a', 'session/ab~1'));
    expect(heard()).toEqual([]);
  });

  it('ends with an unsubscription, and what still comes is ignored', () => {
    const stop = live.follow(TOPIC, follower);
    connected();
    current().say(snapshot(1));
    asked();
    heard();
    stop();
    current().say(patch(1));
    expect(asked()).toEqual([{ type: 'unsubscribe', topic: TOPIC }]);
    expect(heard()).toEqual([]);
  });

  it('asks for nothing twice when a patch comes twice', () => {
    live.follow(TOPIC, follower);
    connected();
    current().say(snapshot(2));
    asked();
    heard();
    current().say(patch(1));
    expect(asked()).toEqual([]);
    expect(heard()).toEqual([]);
  });

  it('passes on an event of the topic, which changes neither its state nor its revision', () => {
    live.follow(TOPIC, follower);
    connected();
    current().say(snapshot(4));
    heard();
    current().say({ type: 'event', topic: TOPIC, event: { type: 'deployed' } });
    current().say({ type: 'event', topic: 'session/b~1', event: { type: 'deployed' } });
    current().say(patch(4));
    expect(heard()).toEqual([`event ${TOPIC} {"type":"deployed"}`, 'patch {"n":5}', 'confirmed']);
  });

  it('says when the topic is refused or removed, and asks again later', () => {
    live.follow(TOPIC, follower);
    connected();
    asked();
    current().say({ type: 'error', topic: TOPIC, problem: { type: 'urn:forgecast:error:unknown', title: 'x', status: 404 } });
    expect(heard()).toEqual(['refused 404']);
    for (let beat = 0; beat < 5; beat += 1) current().beat({});
    expect(asked()).toEqual([{ type: 'subscribe', topic: TOPIC }]);
    current().say(snapshot(1));
    current().say({ type: 'removed', topic: TOPIC });
    expect(heard().at(-1)).toBe('removed');
  });
});

describe('a heartbeat', () => {
  beforeEach(() => {
    live.follow(TOPIC, follower);
    connected();
    current().say(snapshot(4));
    asked();
    heard();
  });

  it('that names what is held confirms it', () => {
    current().beat({ [TOPIC]: 4 });
    expect(heard()).toEqual(['confirmed']);
    expect(asked()).toEqual([]);
  });

  it('that names another revision makes the viewer ask for what it missed, once', () => {
    current().beat({ [TOPIC]: 6 });
    expect(asked()).toEqual([{ type: 'subscribe', topic: TOPIC, epoch: '0000000a', revision: 4 }]);
    expect(heard()).toEqual([]);
    current().beat({ [TOPIC]: 6 });
    expect(asked()).toEqual([]);
    current().say(patch(4));
    current().say(patch(5));
    current().beat({ [TOPIC]: 6 });
    expect(heard()).toEqual(['patch {"n":5}', 'confirmed', 'patch {"n":6}', 'confirmed', 'confirmed']);
  });

  it('that disagrees again makes it begin anew', () => {
    current().beat({ [TOPIC]: 6 });
    asked();
    current().say(patch(4));
    current().beat({ [TOPIC]: 7 });
    expect(asked()).toEqual([{ type: 'subscribe', topic: TOPIC }]);
    current().say(snapshot(7));
    current().beat({ [TOPIC]: 7 });
    expect(heard().at(-1)).toBe('confirmed');
  });

  it('that does not name the topic makes it ask again', () => {
    current().beat({});
    expect(asked()).toEqual([{ type: 'subscribe', topic: TOPIC, epoch: '0000000a', revision: 4 }]);
  });

  it('that fails to come ends the connection', () => {
    vi.advanceTimersByTime(5_999);
    expect(state().kind).toBe('live');
    vi.advanceTimersByTime(1);
    expect(state()).toMatchObject({ kind: 'waiting', reason: 'the server stopped responding' });
    expect(current().closed).toBe(true);
  });
});

describe('a patch that does not follow', () => {
  beforeEach(() => {
    live.follow(TOPIC, follower);
    connected();
  });

  it('is not applied, and the gap is asked for', () => {
    current().say(snapshot(4));
    asked();
    heard();
    current().say(patch(6));
    expect(heard()).toEqual([]);
    expect(asked()).toEqual([{ type: 'subscribe', topic: TOPIC, epoch: '0000000a', revision: 4 }]);
  });

  it('because its epoch is another is not applied', () => {
    current().say(snapshot(4));
    heard();
    current().say(patch(4, '0000000b'));
    expect(heard()).toEqual([]);
  });

  it('because no snapshot came yet is ignored', () => {
    asked();
    current().say(patch(4));
    expect(heard()).toEqual([]);
    expect(asked()).toEqual([]);
  });
});

describe('a connection that is lost', () => {
  it('is made again with what is held, and nothing is told in between', () => {
    live.follow(TOPIC, follower);
    connected();
    current().say(snapshot(4));
    heard();
    current().drop();
    expect(state().kind).toBe('waiting');
    expect(heard()).toEqual([]);
    vi.advanceTimersByTime(500);
    expect(sockets).toHaveLength(2);
    current().accept();
    expect(asked()).toEqual([{ type: 'subscribe', topic: TOPIC, epoch: '0000000a', revision: 4 }]);
    current().say(patch(4));
    expect(heard()).toEqual(['patch {"n":5}', 'confirmed']);
  });

  it('is made again ever later, within limits, until it succeeds', () => {
    live.connect();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) {
      current().drop();
      const next = state();
      if (next.kind !== 'waiting') throw new Error(next.kind);
      delays.push(next.retryAt - Date.now());
      vi.advanceTimersByTime(next.retryAt - Date.now());
    }
    expect(delays).toEqual([375, 750, 1500, 3000, 6000, 11250, 11250, 11250, 11250]);
    current().accept();
    current().drop();
    expect(state()).toMatchObject({ retryAt: Date.now() + 375 });
  });

  it('says why when the server said so, and waits longer when it was refused', () => {
    connected();
    current().drop(1012);
    expect(state()).toMatchObject({ reason: 'the server is restarting', retryAt: Date.now() + 375 });
    vi.advanceTimersByTime(375);
    current().drop(4429);
    expect(state()).toMatchObject({ reason: 'too many viewers', retryAt: Date.now() + 22_500 });
  });

  it('is made again at once when it is asked to, and only once', () => {
    connected();
    current().drop();
    live.connect();
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(5_000);
    expect(sockets).toHaveLength(2);
  });

  it('is replaced at once when the tab wakes after a long silence, and kept when it is well', () => {
    connected();
    live.connect();
    expect(sockets).toHaveLength(1);
    vi.setSystemTime(Date.now() + 60_000);
    live.connect();
    expect(sockets).toHaveLength(2);
    expect(sockets[0]!.closed).toBe(true);
  });

  it('hears no more from the socket before', () => {
    live.follow(TOPIC, follower);
    connected();
    const before = current();
    const late = before.onmessage;
    before.drop();
    vi.advanceTimersByTime(500);
    late?.({ data: JSON.stringify(snapshot(9)) });
    expect(heard()).toEqual([]);
  });

  it('begins anew after a poll replaced what was held', () => {
    live.follow(TOPIC, follower);
    connected();
    current().say(snapshot(4));
    current().drop();
    live.forgetPosition(TOPIC);
    vi.advanceTimersByTime(500);
    current().accept();
    expect(asked()).toEqual([{ type: 'subscribe', topic: TOPIC }]);
  });

  it('is made again after a message that cannot be read', () => {
    connected();
    current().onmessage?.({ data: '{"type":' });
    expect(state().kind).toBe('waiting');
  });
});

describe('a log', () => {
  const LOG = 'log/a~1';
  const lines = (count: number) => Array.from({ length: count }, () => ({ offset: 0, at: '', text: '' }));
  const log = (offset: number, count: number, skipped?: number) => ({ type: 'log', topic: LOG, offset, lines: lines(count), ...(skipped && { skipped }) });

  beforeEach(() => {
    live.follow(LOG, follower);
    connected();
    asked();
  });

  it('goes on from the next line after a break, and repeats none', () => {
    current().say(log(100, 10));
    current().drop();
    vi.advanceTimersByTime(500);
    current().accept();
    expect(asked()).toEqual([{ type: 'subscribe', topic: LOG, offset: 110 }]);
    heard();
    current().say(log(108, 4));
    expect(heard()).toEqual(['log 110+2 skipped 0', 'confirmed']);
  });

  it('that was read elsewhere meanwhile goes on behind that', () => {
    current().say(log(100, 10));
    current().drop();
    expect(live.nextLine(LOG)).toBe(110);
    heard();
    live.tookLines(LOG, 110, lines(5));
    live.tookLines(LOG, 110, lines(5));
    expect(heard().filter((said) => said.startsWith('log'))).toEqual(['log 110+5 skipped 0']);
    vi.advanceTimersByTime(500);
    current().accept();
    expect(asked()).toEqual([{ type: 'subscribe', topic: LOG, offset: 115 }]);
  });

  it('goes on over lines that the server left out', () => {
    current().say(log(0, 3));
    heard();
    current().say(log(50, 2, 47));
    expect(heard()).toEqual(['log 50+2 skipped 47', 'confirmed']);
    current().beat({ [LOG]: 52 });
    expect(heard()).toEqual(['confirmed']);
  });

  it('without a line is confirmed by its heartbeat', () => {
    current().beat({ [LOG]: 0 });
    expect(heard()).toEqual(['confirmed']);
    current().say(log(0, 1));
    expect(heard()).toEqual(['log 0+1 skipped 0', 'confirmed']);
  });

  it('of a bare name is known by its heartbeat', () => {
    live.follow('log/b', follower);
    current().beat({ [LOG]: 0, 'log/b~4': 7 });
    expect(heard()).toEqual(['confirmed', 'confirmed']);
  });

  it('that was numbered anew is read anew', () => {
    current().say(log(100, 10));
    current().beat({ [LOG]: 3 });
    expect(asked()).toEqual([{ type: 'subscribe', topic: LOG, offset: 110 }]);
    current().beat({ [LOG]: 3 });
    current().beat({ [LOG]: 3 });
    expect(asked()).toEqual([{ type: 'subscribe', topic: LOG }]);
    heard();
    current().say(log(0, 3));
    expect(heard()).toEqual(['log 0+3 skipped 0 fresh', 'confirmed']);
  });
});

describe('a server of another version', () => {
  it('is noticed', () => {
    live.connect();
    current().open = true;
    current().say({ type: 'hello', protocol: 2, server_time: '2026-01-31T08:15:00.000Z', heartbeat_s: 2 });
    expect(other).toBe(2);
  });
});
