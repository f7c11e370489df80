import { describe, expect, it } from 'vitest';
import { fetchMe, gateFor, signIn, signOut, tokenFromUrl } from './login';
import type { Me } from '../generated/wire';

interface FetchCache {
  url: string;
  init: RequestInit | undefined;
}

/** A server that answers always the same, and what it was asked. */
function server(answer: () => Response | Promise<Response>): { api: { base: string; fetch: typeof fetch }; asked: FetchCache[] } {
  const asked: FetchCache[] = [];
  const fetch = ((input: string, init?: RequestInit) => {
    asked.push({ url: input, init });
    return Promise.resolve().then(answer);
  }) as typeof globalThis.fetch;
  return { api: { base: '/tools/', fetch }, asked };
}

describe('a token in an address', () => {
  it('is taken out of it, and nothing else is', () => {
    for (const [address, token, rest] of [
      ['http://h/#token=fc_v_a-b_c', 'fc_v_a-b_c', 'http://h/'],
      ['http://h/session/a~1?at=2#token=fc_s_x', 'fc_s_x', 'http://h/session/a~1?at=2'],
      ['http://h/#panel=log&token=x', 'x', 'http://h/#panel=log'],
      ['http://h/#token=', '', 'http://h/'],
      ['http://h/#token=a&token=b', 'a', 'http://h/'],
    ] as const) {
      expect(tokenFromUrl(address)).toEqual({ token, rest });
    }
  });

  it('is in the fragment or nowhere', () => {
    for (const address of ['http://h/', 'http://h/?token=x', 'http://h/#', 'http://h/#tokens=x', 'http://h/#main']) {
      expect(tokenFromUrl(address)).toBeUndefined();
    }
  });
});

describe('who is let in', () => {
  const gate = (me: Me | undefined, session?: string) => gateFor(me, session);

  it('is everybody who may watch, and whoever is not known yet', () => {
    for (const role of ['view', 'admin', 'local'] as const) expect(gate({ role })).toBe('open');
    expect(gate(undefined)).toBe('open');
    expect(gate({ role: null })).toBe('sign-in');
    expect(gate({ role: 'ingest' })).toBe('ingest-only');
  });

  it('is a guest on the session of the link only', () => {
    const guest: Me = { role: 'guest', session: 'a~1' };
    expect(gate(guest, 'a~1')).toBe('open');
    for (const elsewhere of [undefined, 'a', 'a~2', 'b~1']) expect(gate(guest, elsewhere)).toBe('other-session');
  });
});

describe('signing in', () => {
  it('sends the token in the body and nowhere else', async () => {
    const { api, asked } = server(() => new Response(null, { status: 204 }));
    expect(await signIn(api, 'fc_v_canary')).toEqual({ kind: 'in' });
    expect(asked).toHaveLength(1);
    const { url, init } = asked[0]!;
    expect(url).toBe('/tools/api/v1/login');
    expect(init).toMatchObject({ method: 'POST', body: '{"token":"fc_v_canary"}', headers: { 'content-type': 'application/json' } });
    expect(JSON.stringify(init?.headers)).not.toContain('canary');
  });

  it('tells a wrong token from one too many and from no answer', async () => {
    const outcome = (answer: () => Response) => signIn(server(answer).api, 'x');
    expect(await outcome(() => new Response('{}', { status: 401 }))).toEqual({ kind: 'wrong' });
    expect(await outcome(() => new Response('{}', { status: 429, headers: { 'retry-after': '7' } }))).toEqual({ kind: 'wait', seconds: 7 });
    expect(await outcome(() => new Response('{}', { status: 429 }))).toEqual({ kind: 'wait', seconds: 1 });
    expect(await outcome(() => new Response('{}', { status: 503 }))).toEqual({ kind: 'failed' });
    expect(
      await outcome(() => {
        throw new TypeError('no network');
      }),
    ).toEqual({ kind: 'failed' });
  });

  it('forgets by asking the server to', async () => {
    const { api, asked } = server(() => new Response(null, { status: 204 }));
    expect(await signOut(api)).toBe(true);
    expect(asked[0]).toMatchObject({ url: '/tools/api/v1/logout', init: { method: 'POST' } });
    expect(await signOut(server(() => new Response('', { status: 403 })).api)).toBe(false);
  });
});

describe('who the server says that one is', () => {
  it('is taken as it is said, and is nothing when it is not said', async () => {
    const who = (answer: () => Response) => fetchMe(server(answer).api);
    expect(await who(() => Response.json({ role: 'guest', session: 'a~1' }))).toEqual({ role: 'guest', session: 'a~1' });
    expect(await who(() => Response.json({ role: null }))).toEqual({ role: null });
    expect(await who(() => Response.json('hello'))).toBeUndefined();
    expect(await who(() => new Response('<html>', { status: 200 }))).toBeUndefined();
    expect(await who(() => new Response('{}', { status: 404 }))).toBeUndefined();
  });
});
