import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Follower, LiveSocket } from './socket';
import { fakeLiveSocket, type FakeSocket } from './socket.fake';
import { vectors } from '../testing/vectors';

interface Messages {
  server: { name: string; message: object; told: string[] }[];
  client: { name: string; message: object }[];
}

const { server, client } = vectors<Messages>('messages');
const SESSION = 'session/weather-app~1';
const LOG = 'log/weather-app~1';

let sockets: FakeSocket[];
let told: string[];
let live: LiveSocket;

const follower: Follower = {
  snapshot: (state, topic) => told.push(`snapshot ${topic} ${JSON.stringify(state)}`),
  patch: (patch) => told.push(`patch ${JSON.stringify(patch)}`),
  event: (event, topic) => told.push(`event ${topic} ${JSON.stringify(event)}`),
  log: (offset, lines, skipped) => told.push(`log ${offset} skipped ${skipped}: ${lines.map(({ text }) => text).join('|')}`),
  confirmed: () => told.push('confirmed'),
  removed: () => told.push('removed'),
  refused: ({ status }) => told.push(`refused ${status}`),
};

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  told = [];
  live = fakeLiveSocket(sockets);
});
afterEach(() => vi.useRealTimers());

describe('the messages that the Rust side writes', () => {
  it('are understood, each in its turn', () => {
    live.follow(SESSION, follower);
    live.follow(LOG, follower);
    live.connect();
    sockets[0]!.open = true;
    sockets[0]!.onopen?.();
    for (const { name, message, told: expected } of server) {
      sockets[0]!.say(message);
      expect(told.splice(0), name).toEqual(expected);
    }
  });
});

describe('the messages that the Rust side reads', () => {
  it('are those that are sent', () => {
    const stop = live.follow(SESSION, follower);
    live.follow(LOG, follower);
    live.connect();
    sockets[0]!.accept();
    for (const { message } of server.slice(1, 9)) sockets[0]!.say(message);
    sockets[0]!.drop();
    vi.advanceTimersByTime(1_000);
    sockets[1]!.accept();
    stop();
    const sent = sockets.flatMap((socket) => socket.sent);
    expect(sent).toEqual(client.map(({ message }) => message));
  });
});
