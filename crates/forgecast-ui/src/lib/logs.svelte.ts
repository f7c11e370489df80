// One session's log as the page sees it. The lines are plain data behind a version number: proxies around thousands of
// lines would cost more than they tell.

import type { Batch } from './frame';
import { LogCache } from './logcache';
import type { Follower } from './socket';
import type { ErrorBody, LogLine } from './wire';

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
  readonly #batch: Batch;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  log(offset: number, lines: LogLine[], _skipped: number, fresh: boolean): void {
    const numbered = lines.map((line, at) => (line.offset === offset + at ? line : { ...line, offset: offset + at }));
    this.#batch.add(() => {
      if (fresh) {
        this.cache.clear();
        this.generation += 1;
      }
      this.cache.end = Math.max(this.cache.end, offset);
      this.cache.put(numbered);
      this.problem = undefined;
      this.onTail?.(offset, numbered);
      this.version += 1;
    });
  }

  /** What is held changed by what was fetched. */
  fetched(): void {
    this.version += 1;
  }

  confirmed(): void {
    const now = Date.now();
    this.#batch.add(() => (this.confirmedAt = now));
  }

  refused(problem: ErrorBody): void {
    this.#batch.add(() => (this.problem = problem));
  }
}
