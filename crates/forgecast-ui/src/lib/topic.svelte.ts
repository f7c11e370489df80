// One topic as the page sees it: its state (deep and fine-grained, so that a patch touches only what it names), whether
// it is there, and when it was last confirmed.

import { applyInto, isObject, reconcile, type JsonObject } from './apply';
import type { Batch } from './frame';
import type { Follower } from './socket';
import type { ErrorBody } from './wire';

/** What somebody besides the page learns of a topic. */
export interface Told {
  /** Its canonical name. */
  onTopic?: (topic: string) => void;
  /** An event of it. */
  onEvent?: (event: unknown, topic: string) => void;
}

export class TopicState<T extends object> implements Follower {
  /** The state; undefined until the first answer. Never wiped while reconnecting. */
  state = $state<T>();
  /** When what is shown was last confirmed, by this machine's clock; 0 for never. */
  confirmedAt = $state(0);
  /** Why it cannot be shown. */
  problem = $state<ErrorBody>();
  /** Whether its session was removed. */
  gone = $state(false);
  readonly #batch: Batch;
  readonly #told: Told;

  constructor(batch: Batch, told: Told = {}) {
    this.#batch = batch;
    this.#told = told;
  }

  snapshot(state: unknown, topic: string): void {
    this.#batch.add(() => this.replace(state));
    this.#told.onTopic?.(topic);
  }

  /** Shows another whole state, writing only what differs from the one before. */
  replace(state: unknown): void {
    if (!isObject(state)) return;
    this.problem = undefined;
    this.gone = false;
    if (this.state === undefined) this.state = state as T;
    else reconcile(this.state as JsonObject, state);
  }

  patch(patch: unknown): void {
    this.#batch.add(() => {
      if (this.state !== undefined && isObject(patch)) applyInto(this.state as JsonObject, patch);
    });
  }

  event(event: unknown, topic: string): void {
    this.#batch.add(() => this.#told.onEvent?.(event, topic));
  }

  confirmed(): void {
    this.confirmedAt = Date.now();
  }

  removed(): void {
    this.#batch.add(() => (this.gone = true));
  }

  refused(problem: ErrorBody): void {
    this.#batch.add(() => (this.problem = problem));
  }
}
