// The one client of the REST API. A path, what it takes and what it answers belong together by type, so that no caller
// says what an answer is. The base path is read from the page's address, because a proxy may add any prefix.

import { baseOf } from '../navigation/routes';
import type { GroupBy, LogLine, OutcomeReport, SessionRow, SessionView, Timeline, UsageReport } from '../generated/wire';

export type Role = 'view' | 'ingest' | 'admin' | 'local' | 'guest';

/** Who the server says that this browser is. */
export interface Me {
  role: Role | null;
  /** The one session that a guest may see. */
  session?: string;
}

export interface SessionList {
  sessions: SessionRow[];
  next_cursor?: string;
}

/** Lines of a log with where the log begins, ends and goes on, as numbers of lines. */
export interface LogPage {
  first_offset: number;
  next_offset: number;
  end_offset: number;
  lines: LogLine[];
}

/** The numbers of the lines that match a filter. */
export interface LogMatches extends Omit<LogPage, 'lines'> {
  offsets: number[];
}

export interface LogFilterQuery {
  level?: string;
  q?: string;
}

export interface LogQuery extends LogFilterQuery {
  offset?: number;
  /** A time (RFC 3339): the first line of then or later. */
  at?: string;
  limit?: number;
}

/** What a path takes in its query, and what it answers. */
interface Route<Query, Answer> {
  query: Query;
  answer: Answer;
}

interface Routes {
  '/api/v1/me': Route<object, Me>;
  '/api/v1/sessions': Route<{ status?: string; sort?: string; project?: string; q?: string; since?: string; cursor?: string; limit?: number }, SessionList>;
  '/api/v1/sessions/{id}': Route<object, SessionView>;
  '/api/v1/sessions/{id}/at/{revision}': Route<object, SessionView>;
  '/api/v1/sessions/{id}/export': Route<object, Blob>;
  '/api/v1/sessions/{id}/files/{name}': Route<object, string>;
  '/api/v1/sessions/{id}/log': Route<LogQuery, LogPage>;
  '/api/v1/sessions/{id}/log/matches': Route<LogFilterQuery & { offset?: number }, LogMatches>;
  '/api/v1/sessions/{id}/series': Route<{ metric: string; resolution: number }, { points: [string, number][] }>;
  '/api/v1/sessions/{id}/timeline': Route<{ after?: number; limit?: number }, Timeline>;
  '/api/v1/stats': Route<{ group_by: GroupBy; since?: string | undefined; project?: string | undefined }, UsageReport>;
  '/api/v1/outcomes': Route<{ group_by: 'day' | 'project'; since?: string | undefined; project?: string | undefined }, OutcomeReport>;
}

type Path = keyof Routes;
type Answer<P extends Path> = Routes[P]['answer'];
type Names<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Parameters<P extends Path> = { query?: Routes[P]['query'] } & ([Names<P>] extends [never] ? object : { path: Record<Names<P>, string | number> });

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
  const given = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
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
