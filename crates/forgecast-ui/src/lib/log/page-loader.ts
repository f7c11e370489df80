// Fetches what is in sight of a log and not in the tab: the newest wish counts, what nobody looks at any more is
// cancelled, at most two requests at a time. Never asks for what is here.

import { asQuery, everything, type LogFilter } from './lines';
import type { LogCache, LogPage } from './cache';

/** What is looked at: all lines between two numbers, or some of them. */
export interface Wish {
  filter: LogFilter;
  /** The lines in sight, growing numbers; of a whole log its first and its last. */
  from: number;
  before: number;
  /** Of a filtered log: the lines of which some may be missing. */
  offsets?: readonly number[];
}

export type AskPage = (query: Record<string, string>, signal: AbortSignal) => Promise<LogPage>;

const MOST_AT_ONCE = 2;
const MOST_LINES = 600;
/** Lines fetched beyond what is in sight, on either side. */
const BEYOND = 300;
/** A bar that is dragged wishes for another place with every frame. */
const SETTLE_MS = 40;
const AGAIN_MS = 2_000;

interface Request {
  from: number;
  before: number;
  filter: LogFilter;
  abort: AbortController;
}

export class LogPages {
  readonly #cache: LogCache;
  readonly #ask: AskPage;
  readonly #loaded: (failed: boolean) => void;
  #wish: Wish | undefined;
  #requests: Request[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(cache: LogCache, ask: AskPage, loaded: (failed: boolean) => void) {
    this.#cache = cache;
    this.#ask = ask;
    this.#loaded = loaded;
  }

  want(wish: Wish): void {
    this.#wish = wish;
    this.#cache.touch(wish.from, wish.before);
    for (const request of this.#requests) {
      const near = request.before > wish.from - BEYOND && request.from < wish.before + BEYOND;
      if (!near || request.filter !== wish.filter) request.abort.abort();
    }
    this.#timer ??= setTimeout(() => this.#pump(), SETTLE_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const request of this.#requests) request.abort.abort();
  }

  #pump(): void {
    this.#timer = undefined;
    while (!this.#stopped && this.#requests.length < MOST_AT_ONCE) {
      const next = this.#next();
      if (!next) return;
      void this.#run(next);
    }
  }

  /** What is missing most: what is in sight, then what is near. */
  #next(): Omit<Request, 'abort'> | undefined {
    const wish = this.#wish;
    if (!wish) return undefined;
    if (wish.offsets) {
      const missing = wish.offsets.filter((offset) => this.#cache.at(offset) === undefined && !this.#under(offset, wish.filter));
      const from = missing[0];
      return from === undefined ? undefined : { from, before: missing.at(-1)! + 1, filter: wish.filter };
    }
    for (const beyond of [0, BEYOND]) {
      const found = this.#cache.missing(wish.from - beyond, wish.before + beyond, MOST_LINES);
      if (found && !this.#under(found[0], wish.filter)) return { from: found[0], before: found[1], filter: wish.filter };
    }
    return undefined;
  }

  #under(offset: number, filter: LogFilter): boolean {
    return this.#requests.some((request) => request.from <= offset && offset < request.before && request.filter === filter && !request.abort.signal.aborted);
  }

  async #run(asked: Omit<Request, 'abort'>): Promise<void> {
    const request: Request = { ...asked, abort: new AbortController() };
    this.#requests.push(request);
    const { from, before, filter } = request;
    const whole = everything(filter);
    const limit = String(whole ? before - from : Math.min(MOST_LINES, this.#wish?.offsets?.length ?? MOST_LINES));
    let failed = false;
    try {
      const page = await this.#ask({ offset: String(from), limit, ...(whole ? {} : asQuery(filter)) }, request.abort.signal);
      if (!this.#stopped) this.#cache.putPage(from, page, whole);
      // An answer without what was asked for (the server began anew) is no reason to ask at once again.
      failed = this.#cache.at(from) === undefined;
    } catch {
      failed = !request.abort.signal.aborted;
    }
    this.#requests = this.#requests.filter((other) => other !== request);
    if (this.#stopped || (request.abort.signal.aborted && !failed && this.#requests.length > 0)) return;
    this.#loaded(failed);
    this.#timer ??= setTimeout(() => this.#pump(), failed ? AGAIN_MS : 0);
  }
}
