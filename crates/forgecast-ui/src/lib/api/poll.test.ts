import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { poll } from './poll';

interface Request {
  etag: string | null;
  answer: (status: number, body?: unknown, etag?: string) => void;
}

let requests: Request[];
let states: unknown[];
let same: number;

function start(): () => void {
  return poll({
    url: () => '/x',
    everyMs: 5_000,
    fetch: (_url, init) =>
      new Promise((resolve) => {
        const headers = new Headers(init?.headers);
        requests.push({
          etag: headers.get('if-none-match'),
          answer: (status, body, etag) => resolve(new Response(status === 304 ? null : JSON.stringify(body), { status, headers: etag ? { etag } : {} })),
        });
      }),
    onState: (body) => states.push(body),
    onSame: () => (same += 1),
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  requests = [];
  states = [];
  same = 0;
});
afterEach(() => vi.useRealTimers());

describe('the poll', () => {
  it('asks every five seconds and names what it has', async () => {
    const stop = start();
    await vi.advanceTimersByTimeAsync(5_000);
    requests[0]!.answer(200, { n: 1 }, '"one"');
    await vi.advanceTimersByTimeAsync(5_000);
    requests[1]!.answer(304);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(requests.map(({ etag }) => etag)).toEqual([null, '"one"', '"one"']);
    expect(states).toEqual([{ n: 1 }]);
    expect(same).toBe(1);
    stop();
  });

  it('never has two requests under way', async () => {
    const stop = start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(requests).toHaveLength(1);
    stop();
  });

  it('ends at once, and a late answer changes nothing', async () => {
    const stop = start();
    await vi.advanceTimersByTimeAsync(5_000);
    stop();
    requests[0]!.answer(200, { n: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it('that begins at once asks without waiting, then in its step, and says what failed', async () => {
    const failed: number[] = [];
    const answers = [503, 200];
    const stop = poll({
      url: () => '/x',
      everyMs: 15_000,
      atOnce: true,
      fetch: () => {
        const status = answers.shift();
        return status === undefined ? Promise.reject(new TypeError('away')) : Promise.resolve(new Response('{}', { status }));
      },
      onState: (body) => states.push(body),
      onSame: () => (same += 1),
      onFailure: (status) => failed.push(status),
    });
    await vi.advanceTimersByTimeAsync(1);
    expect(failed).toEqual([503]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(states).toEqual([{}]);
    expect(failed).toEqual([503, 0]);
    stop();
  });

  it('goes on after an error', async () => {
    const stop = start();
    await vi.advanceTimersByTimeAsync(5_000);
    requests[0]!.answer(503, {});
    await vi.advanceTimersByTimeAsync(5_000);
    expect(requests).toHaveLength(2);
    expect(states).toEqual([]);
    stop();
  });
});
