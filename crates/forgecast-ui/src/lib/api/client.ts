// The one client of the REST API. A path, what it takes and what it answers belong together by type, so that no caller
// says what an answer is. The base path is read from the page's address, because a proxy may add any prefix.

import { baseOf } from '../navigation/routes';
import type { paths } from '../generated/wire';

/** A path that can be asked for with `GET`. */
type Path = { [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths];
type Operation<P extends Path> = paths[P] extends { get: infer G } ? G : never;
/** What a path takes in its query. */
export type Query<P extends Path> = Operation<P> extends { parameters: { query?: infer Q } } ? NonNullable<Q> : never;
type Answer<P extends Path> = Operation<P> extends { responses: { 200: { content: { 'application/json': infer A } } } } ? A : unknown;
type Names<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
/** What is undefined in a query is left out; a list is one word with commas. */
type Parameters<P extends Path> = { query?: { [K in keyof Query<P>]: Query<P>[K] | undefined } } & ([Names<P>] extends [never]
  ? object
  : { path: Record<Names<P>, string | number> });

declare const answer: unique symbol;
/** The address of a resource that answers a `T`. */
export type Address<T> = string & { readonly [answer]?: T };

/** An answer that is an error, with its status and its text. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }

  /** Reads the problem document (RFC 9457) of a response that failed. */
  static async of(response: Response): Promise<ApiError> {
    const problem = (await response.json().catch(() => undefined)) as { title?: string; detail?: string } | undefined;
    return new ApiError(response.status, problem?.detail ?? problem?.title ?? `the server answered ${response.status}`);
  }
}

/** `/api/v1/sessions/{id}` with its parameters, below the folder that the dashboard is served from. */
export function address<P extends Path>(path: P, parameters: Parameters<P>, base = baseOf(location.pathname)): Address<Answer<P>> {
  const { path: names = {}, query = {} } = parameters as { path?: Record<string, string | number>; query?: Record<string, unknown> };
  const filled = path.slice(1).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(names[name] ?? ''));
  const given = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, Array.isArray(value) ? value.join(',') : String(value)]]));
  return base + filled + (given.length === 0 ? '' : `?${new URLSearchParams(given)}`);
}

/** Asks and reads the answer with its headers; fails with an `ApiError`, or as `fetch` does when there is no answer. */
export async function request<T>(url: Address<T>, init: RequestInit = {}, ask: typeof fetch = fetch): Promise<{ body: T; headers: Headers }> {
  const response = await ask(url, { headers: { accept: 'application/json' }, ...init });
  if (!response.ok) throw await ApiError.of(response);
  return { body: (await response.json()) as T, headers: response.headers };
}

/** The answer of a path. */
export async function get<P extends Path>(
  path: P,
  { signal, cache, ...parameters }: Parameters<P> & Pick<RequestInit, 'signal' | 'cache'>,
): Promise<Answer<P>> {
  const { body } = await request(address(path, parameters as unknown as Parameters<P>), { ...(signal && { signal }), ...(cache && { cache }) });
  return body;
}
