// One session's log as the page sees it. The lines are plain data behind a version number: proxies around twenty
// thousand lines would cost more than they tell.

import { LogBuffer } from './log';
import type { Batch } from './frame';
import type { Follower } from './socket';
import type { ErrorBody, LogLine } from './wire';

export class LogState implements Follower {
  readonly buffer = new LogBuffer();
  /** Grows with every change of the buffer. */
  version = $state(0);
  confirmedAt = $state(0);
  problem = $state<ErrorBody>();
  readonly #batch: Batch;

  constructor(batch: Batch) {
    this.#batch = batch;
  }

  log(offset: number, lines: LogLine[], skipped: number, fresh: boolean): void {
    this.#batch.add(() => {
      this.buffer.append(offset, lines, skipped, fresh);
      this.problem = undefined;
      this.version += 1;
    });
  }

  older(lines: LogLine[]): void {
    this.buffer.prepend(lines);
    this.version += 1;
  }

  confirmed(): void {
    this.confirmedAt = Date.now();
  }

  refused(problem: ErrorBody): void {
    this.#batch.add(() => (this.problem = problem));
  }
}
