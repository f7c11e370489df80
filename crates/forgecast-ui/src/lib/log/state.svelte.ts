// One session's log as the page sees it. The lines are plain data behind a version number: proxies around thousands of
// lines would cost more than they tell.

import type { RafBatch } from '../live/raf-batch';
import { LogCache } from './cache';
import type { Follower } from '../live/socket';
import type { ErrorBody, LogLine } from '../generated/wire';

export class LogState implements Follower {
  readonly cache = new LogCache();
  /** Grows with every change of the cache. */
  version = $state(0);
  /** Grows when what was held is of another log. */
  generation = $state(0);
  confirmedAt = $state(0);
  problem = $state<ErrorBody>();
  /** Who looks at the lines that come, besides the cache. */
  onTail: ((offset: number, lines: readonly LogLine[]) => void) | undefined;
  readonly #batch: RafBatch;
  #another = false;
  #came = false;
  #confirmed = 0;

  constructor(batch: RafBatch) {
    this.#batch = batch;
  }

  /** Lines are taken at once, also while nobody looks: they are plain and bounded. Shown with the next frame. */
  log(offset: number, lines: LogLine[], _skipped: number, fresh: boolean): void {
    const numbered = lines.map((line, at) => (line.offset === offset + at ? line : { ...line, offset: offset + at }));
    if (fresh) {
      this.cache.clear();
      this.#another = true;
    }
    this.cache.end = Math.max(this.cache.end, offset);
    this.cache.put(numbered);
    this.onTail?.(offset, numbered);
    this.#came = true;
    this.#batch.once(this.#show);
  }

  readonly #show = (): void => {
    if (this.#another) this.generation += 1;
    if (this.#came) {
      this.version += 1;
      this.problem = undefined;
    }
    this.#another = this.#came = false;
    if (this.#confirmed > this.confirmedAt) this.confirmedAt = this.#confirmed;
  };

  /** What is held changed by what was fetched. */
  fetched(): void {
    this.#came = true;
    this.#batch.once(this.#show);
  }

  confirmed(): void {
    this.#confirmed = Date.now();
    this.#batch.once(this.#show);
  }

  refused(problem: ErrorBody): void {
    this.#batch.add(() => (this.problem = problem));
  }
}
