import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonEqual, type Json } from '../live/merge-patch';
import { loadView, MAX_VIEWS, sharing, ViewCache } from './view-cache';

/** A server that answers when it is told to. */
function server() {
  const open: { url: string; answer: (body: object, at?: string) => void; refuse: (status: number, body: object) => void }[] = [];
  let most = 0;
  const fetch = (url: unknown, init?: RequestInit) =>
    new Promise<Response>((answered, failed) => {
      const request = {
        url: String(url),
        answer: (body: object, at?: string) => {
          remove();
          answered(new Response(JSON.stringify(body), at === undefined ? {} : { headers: { 'forgecast-at': at } }));
        },
        refuse: (status: number, body: object) => {
          remove();
          answered(new Response(JSON.stringify(body), { status }));
        },
      };
      const remove = () => open.splice(open.indexOf(request), 1);
      open.push(request);
      most = Math.max(most, open.length);
      init?.signal?.addEventListener('abort', () => {
        remove();
        failed(new DOMException('aborted', 'AbortError'));
      });
    });
  return { open, fetch, most: () => most };
}

function start() {
  const asked = server();
  const seen: [number, unknown][] = [];
  const failures: [number, string][] = [];
  const views = new ViewCache({
    load: (revision, signal) => loadView(`at/${revision}`, signal, asked.fetch),
    onView: (revision, past) => seen.push([revision, past]),
    onFailure: (revision, reason) => failures.push([revision, reason]),
  });
  return { asked, views, seen, failures };
}

const settled = () => new Promise((done) => setTimeout(done));

describe('views of the past', () => {
  it('of many that are passed by quickly only the last is shown, and there is one request at a time', async () => {
    const { asked, views, seen } = start();
    for (let revision = 1; revision <= 50; revision += 1) {
      views.request(revision);
      if (revision % 7 === 0) await settled();
    }
    await settled();
    expect(asked.open.map(({ url }) => url)).toEqual(['at/50']);
    asked.open[0]!.answer({ id: 'a~1', name: 'fifty' }, '2026-11-22T08:00:00.250Z');
    await settled();
    expect(seen).toEqual([[50, { view: { id: 'a~1', name: 'fifty' }, at: Date.parse('2026-11-22T08:00:00.250Z') }]]);
    expect(asked.most()).toBe(1);
    expect(views.requests).toBeLessThanOrEqual(9);
  });

  it('a playback shows what it passes, however slowly it comes, and leaves out what it has passed by then', async () => {
    const { asked, views, seen } = start();
    for (let revision = 1; revision <= 10; revision += 1) {
      views.request(revision, true);
      if (revision !== 4 && revision !== 8) continue;
      asked.open[0]!.answer({ id: 'a~1', revision });
      await settled();
    }
    asked.open[0]!.answer({ id: 'a~1' });
    await settled();
    asked.open[0]!.answer({ id: 'a~1' });
    await settled();
    expect(seen.map(([revision]) => revision)).toEqual([1, 4, 8, 10]);
    expect(asked.most()).toBe(1);
  });

  it('what was seen lately is shown at once and not asked for again', async () => {
    const { asked, views, seen } = start();
    views.request(1);
    asked.open[0]!.answer({ id: 'a~1' });
    await settled();
    views.request(2);
    views.request(1);
    await settled();
    expect(seen.map(([revision]) => revision)).toEqual([1, 1]);
    expect(asked.open).toEqual([]);
    expect(views.requests).toBe(2);
  });

  it('keeps a few hundred', async () => {
    const { asked, views } = start();
    for (let revision = 1; revision <= MAX_VIEWS + 1; revision += 1) {
      views.request(revision);
      asked.open[0]!.answer({ id: 'a~1', revision });
      await settled();
    }
    views.request(2);
    expect(asked.open).toEqual([]);
    views.request(1);
    expect(asked.open).toHaveLength(1);
  });

  it('says why one cannot be shown, and asks again when it is wanted again', async () => {
    const { asked, views, seen, failures } = start();
    views.request(99);
    asked.open[0]!.refuse(404, { title: 'Not found', detail: 'there is no revision 99 of the session a' });
    await settled();
    expect(failures).toEqual([[99, 'there is no revision 99 of the session a']]);
    views.request(99);
    asked.open[0]!.answer({ id: 'a~1' });
    await settled();
    expect(seen).toHaveLength(1);
  });

  it('says nothing of what nobody waits for', async () => {
    const { asked, views, seen, failures } = start();
    views.request(1);
    views.stop();
    await settled();
    expect([asked.open, seen, failures]).toEqual([[], [], []]);
  });

  it('share what they have in common and are what they were', () => {
    const json: fc.Arbitrary<Json> = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(json, json, (before, next) => {
        expect(jsonEqual(sharing(before, next), next)).toBe(true);
        expect(sharing(before, structuredClone(before))).toBe(before);
      }),
    );
    const before = { agents: { a: { status: 'active' } }, list: [1, { b: 2 }] };
    const after = sharing(before, { agents: { a: { status: 'active' }, b: {} }, list: [1, { b: 2 }] }) as typeof before;
    expect(after.agents.a).toBe(before.agents.a);
    expect(after.list).toBe(before.list);
  });
});
