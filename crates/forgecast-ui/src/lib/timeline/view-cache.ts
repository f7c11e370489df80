// The views of one session's past: asks for one revision at a time, gives up on what nobody waits for any more, and keeps
// the last few hundred. Never has two requests under way; never tells of another revision than the one wanted last, but
// to a playback, which shows what it passes.

import { request, type Address } from '../api/client';
import { millis } from '../format';
import { asJson, isObject, type Json } from '../live/merge-patch';
import type { SessionView } from '../generated/wire';

/** Views that are kept. What two of them have in common is kept once. */
export const MAX_VIEWS = 300;

export interface PastView {
  view: SessionView;
  /** When the revision came, by the server; undefined when it does not say. */
  at: number | undefined;
}

/** The header that names the time of a revision. */
const REVISION_TIME = 'forgecast-at';

/** Asks for a view of the past. */
export async function loadView(url: Address<SessionView>, signal: AbortSignal, ask?: typeof fetch): Promise<PastView> {
  const { body, headers } = await request(url, { signal }, ask);
  return { view: body, at: millis(headers.get(REVISION_TIME) ?? undefined) };
}

export interface ViewCacheOptions {
  /** Asks the server for a revision; fails with the reason. */
  load(revision: number, signal: AbortSignal): Promise<PastView>;
  onView(revision: number, past: PastView): void;
  /** It cannot be shown, and why. */
  onFailure(revision: number, reason: string): void;
}

export class ViewCache {
  /** Requests that were begun. */
  requests = 0;
  readonly #options: ViewCacheOptions;
  readonly #kept = new Map<number, PastView>();
  #wanted: number | undefined;
  #passing = false;
  #loading: { revision: number; abort: AbortController } | undefined;
  #last: SessionView | undefined;

  constructor(options: ViewCacheOptions) {
    this.#options = options;
  }

  /**
   * Shows a revision as soon as it is here: at once when it was seen lately. `passing` is for a playback, which wants the
   * next one before this one is here: what is under way is waited for and shown, then the one that is wanted by then.
   */
  request(revision: number, passing = false): void {
    this.#wanted = revision;
    this.#passing = passing;
    const kept = this.#kept.get(revision);
    if (kept) {
      this.#loading?.abort.abort();
      // The one that was seen last goes last.
      this.#kept.delete(revision);
      this.#kept.set(revision, kept);
      this.#options.onView(revision, kept);
    } else if (!this.#loading) {
      void this.#load(revision);
    } else if (this.#loading.revision !== revision && !passing) {
      this.#loading.abort.abort();
    }
  }

  /** Nothing is wanted any more. */
  stop(): void {
    this.#wanted = undefined;
    this.#loading?.abort.abort();
  }

  async #load(revision: number): Promise<void> {
    const abort = new AbortController();
    this.#loading = { revision, abort };
    this.requests += 1;
    const result = await this.#options.load(revision, abort.signal).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    this.#loading = undefined;
    if (typeof result !== 'string') this.#keep(revision, result);
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    if (wanted !== revision && this.#passing && typeof result !== 'string') this.#options.onView(revision, this.#kept.get(revision) ?? result);
    if (wanted !== revision || abort.signal.aborted) {
      if (!this.#kept.has(wanted)) void this.#load(wanted);
      return;
    }
    if (typeof result === 'string') this.#options.onFailure(revision, result);
    else this.#options.onView(revision, this.#kept.get(revision) ?? result);
  }

  #keep(revision: number, past: PastView): void {
    const view = sharing(this.#last && asJson(this.#last), asJson(past.view)) as unknown as SessionView;
    this.#last = view;
    this.#kept.set(revision, { ...past, view });
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > MAX_VIEWS && !oldest.done) this.#kept.delete(oldest.value);
  }
}

/** `next`, made of the parts of `before` wherever they are equal. */
export function sharing(before: Json | undefined, next: Json): Json {
  if (before === next) return next;
  if (Array.isArray(before) && Array.isArray(next)) {
    const items = next.map((item, at) => sharing(before[at], item));
    return items.length === before.length && items.every((item, at) => item === before[at]) ? before : items;
  }
  if (!isObject(before) || !isObject(next)) return next;
  let same = Object.keys(before).length === Object.keys(next).length;
  const entries = Object.entries(next).map(([key, value]) => {
    const held = Object.hasOwn(before, key) ? before[key] : undefined;
    const item = sharing(held, value);
    same &&= held !== undefined && item === held;
    return [key, item] as const;
  });
  return same ? before : Object.fromEntries(entries);
}
