// Fetches what is in sight of a log and not in the tab: the newest request counts, what nobody looks at any more is
// canceled, at most two requests at a time. Never asks for what is here.

import { filterQuery, passesEverything, type LogFilter, type LogQuery } from './lines';
import type { LogPage } from '../generated/wire';
import type { LogCache } from './cache';

/** What is looked at: all lines between two numbers, or some of them. */
export interface VisibleLines {
  filter: LogFilter;
  /** The lines in sight, growing numbers; of a whole log its first and its last. */
  from: number;
  before: number;
  /** Of a filtered log: the lines of which some may be missing. */
  offsets?: readonly number[];
}

export type FetchPage = (query: LogQuery, signal: AbortSignal) => Promise<LogPage>;

const MAX_AT_ONCE = 2;
const MAX_LINES = 600;
/** Lines fetched beyond what is in sight, on either side. */
const BEYOND = 300;
/** A scrollbar that is dragged asks for another place with every frame. */
const SETTLE_MS = 40;
const AGAIN_MS = 2_000;

interface Request {
  from: number;
  before: number;
  filter: LogFilter;
  abort: AbortController;
}

export class LogPageLoader {
  readonly #cache: LogCache;
  readonly #ask: FetchPage;
  readonly #loaded: (failed: boolean) => void;
  #visible: VisibleLines | undefined;
  #requests: Request[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(cache: LogCache, ask: FetchPage, loaded: (failed: boolean) => void) {
    this.#cache = cache;
    this.#ask = ask;
    this.#loaded = loaded;
  }

  request(visible: VisibleLines): void {
    this.#visible = visible;
    this.#cache.touch(visible.from, visible.before);
    for (const request of this.#requests) {
      const near = request.before > visible.from - BEYOND && request.from < visible.before + BEYOND;
      if (!near || request.filter !== visible.filter) request.abort.abort();
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
    while (!this.#stopped && this.#requests.length < MAX_AT_ONCE) {
      const next = this.#next();
      if (!next) return;
      void this.#run(next);
    }
  }

  /** What is missing most: what is in sight, then what is near. */
  #next(): Omit<Request, 'abort'> | undefined {
    const visible = this.#visible;
    if (!visible) return undefined;
    if (visible.offsets) {
      const missing = visible.offsets.filter((offset) => this.#cache.at(offset) === undefined && !this.#isRequested(offset, visible.filter));
      const from = missing[0];
      return from === undefined ? undefined : { from, before: missing.at(-1)! + 1, filter: visible.filter };
    }
    for (const beyond of [0, BEYOND]) {
      const found = this.#cache.missing(visible.from - beyond, visible.before + beyond, MAX_LINES);
      if (found && !this.#isRequested(found[0], visible.filter)) return { from: found[0], before: found[1], filter: visible.filter };
    }
    return undefined;
  }

  #isRequested(offset: number, filter: LogFilter): boolean {
    return this.#requests.some((request) => request.from <= offset && offset < request.before && request.filter === filter && !request.abort.signal.aborted);
  }

  async #run(asked: Omit<Request, 'abort'>): Promise<void> {
    const request: Request = { ...asked, abort: new AbortController() };
    this.#requests.push(request);
    const { from, before, filter } = request;
    const whole = passesEverything(filter);
    const limit = whole ? before - from : Math.min(MAX_LINES, this.#visible?.offsets?.length ?? MAX_LINES);
    let failed: boolean;
    try {
      const page = await this.#ask({ offset: from, limit, ...(whole ? {} : filterQuery(filter)) }, request.abort.signal);
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
