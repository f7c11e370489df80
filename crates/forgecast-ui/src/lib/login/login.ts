// Signing in: takes a token out of the address before anybody sees it there, exchanges it for a cookie that scripts cannot
// read, and knows who the viewer is. Keeps no token: not in storage, not in the history, not in a variable.

import { address, request } from '../api/client';
import type { Me } from '../generated/wire';
import { isObject } from '../live/merge-patch';

/** What became of a token. */
export type SignInResult = { kind: 'in' } | { kind: 'wrong' } | { kind: 'wait'; seconds: number } | { kind: 'failed' };

/** What the page shows: itself, a question for a token, or why it shows nothing. */
export type Gate = 'open' | 'sign-in' | 'ingest-only' | 'other-session';

/** The token in the fragment of an address, and the address without it; nothing when there is none. */
export function tokenFromUrl(address: string): { token: string; rest: string } | undefined {
  const [before = '', fragment] = address.split(/#(.*)/s);
  if (fragment === undefined) return undefined;
  const parts = new URLSearchParams(fragment);
  const token = parts.get('token');
  if (token === null) return undefined;
  parts.delete('token');
  const kept = String(parts);
  return { token, rest: kept === '' ? before : `${before}#${kept}` };
}

/** What somebody may look at. Who is not known yet is shown the page: most need no token. */
export function gateFor(me: Me | undefined, session: string | undefined): Gate {
  if (me === undefined) return 'open';
  if (me.role === null) return 'sign-in';
  if (me.role === 'ingest') return 'ingest-only';
  return me.role === 'guest' && me.session !== session ? 'other-session' : 'open';
}

/** How long the page waits for the server to say who looks on. */
const ME_TIMEOUT_MS = 5_000;

export interface Api {
  base: string;
  fetch: typeof fetch;
}

/** Who this browser is; nothing when the server does not say. */
export async function fetchMe({ base, fetch }: Api): Promise<Me | undefined> {
  try {
    const signal = AbortSignal.timeout(ME_TIMEOUT_MS);
    const { body } = await request(address('/api/v1/me', {}, base), { cache: 'no-store', signal }, fetch);
    return isObject(body) && 'role' in body ? body : undefined;
  } catch {
    return undefined;
  }
}

/** Exchanges a token for a cookie. */
export async function signIn({ base, fetch }: Api, token: string): Promise<SignInResult> {
  try {
    const answer = await post({ base, fetch }, 'login', { token });
    if (answer.ok) return { kind: 'in' };
    if (answer.status === 429) return { kind: 'wait', seconds: Math.max(1, Number(answer.headers.get('retry-after')) || 1) };
    return { kind: answer.status === 401 || answer.status === 400 || answer.status === 413 ? 'wrong' : 'failed' };
  } catch {
    return { kind: 'failed' };
  }
}

/** Forgets the cookie. */
export async function signOut(api: Api): Promise<boolean> {
  try {
    return (await post(api, 'logout', {})).ok;
  } catch {
    return false;
  }
}

function post({ base, fetch }: Api, what: string, body: object): Promise<Response> {
  return fetch(`${base}api/v1/${what}`, {
    method: 'POST',
    cache: 'no-store',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
