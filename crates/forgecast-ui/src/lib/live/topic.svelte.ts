// One topic as the page sees it: its state (deep and fine-grained, so that a patch touches only what it names), whether
// it is there, and when it was last confirmed. While nobody looks it is kept aside, up to date and unshown, however long.

import { applyInto, isObject, reconcile, type JsonObject } from './merge-patch';
import type { Batch } from './raf-batch';
import type { Follower } from './socket';
import type { ErrorBody, SessionRow } from '../generated/wire';

/** What somebody besides the page learns of a topic. */
export interface Told {
  /** Its canonical name. */
  onTopic?: (topic: string) => void;
  /** An event of it. */
  onEvent?: (event: unknown, topic: string) => void;
  /** The same the moment it comes, also while nobody looks. */
  onHeard?: (event: unknown, topic: string) => void;
  /** A row that changed, or is new, the moment it comes. */
  onRow?: (before: SessionRow | undefined, after: SessionRow) => void;
}

export class TopicState<T extends object> implements Follower {
  /** The state; undefined until the first answer. Never wiped while reconnecting. */
  state = $state<T>();
  /** When what is shown was last confirmed, by this machine's clock; 0 for never. */
  confirmedAt = $state(0);
  /** Why it cannot be shown. */
  problem = $state<ErrorBody>();
  /** Grows with every change that is shown. */
  changes = $state(0);
  /** Whether its session was removed. */
  gone = $state(false);
  readonly #batch: Batch;
  readonly #told: Told;
  /** The state as it is by now, plain, while nobody looks. */
  #aside: JsonObject | undefined;
  /** When what is held was last confirmed. */
  #confirmed = 0;

  constructor(batch: Batch, told: Told = {}) {
    this.#batch = batch;
    this.#told = told;
  }

  readonly #show = (): void => {
    if (this.#aside) this.#write(this.#aside);
    if (this.#confirmed > this.confirmedAt) this.confirmedAt = this.#confirmed;
  };

  snapshot(state: unknown, topic: string): void {
    if (this.#batch.resting) this.replace(state);
    else this.#batch.add(() => this.#write(state));
    this.#told.onTopic?.(topic);
  }

  /** Shows another whole state, writing only what differs from the one before. */
  replace(state: unknown): void {
    // Changes of what is replaced must not be made to what replaces it.
    this.#batch.settle();
    if (!this.#batch.resting || !isObject(state)) return this.#write(state);
    this.#aside = state;
    this.#batch.once(this.#show);
  }

  #write(state: unknown): void {
    if (!isObject(state)) return;
    this.#aside = undefined;
    this.problem = undefined;
    this.gone = false;
    this.changes += 1;
    if (this.state === undefined) this.state = state as T;
    else reconcile(this.state as JsonObject, state);
  }

  patch(patch: unknown): void {
    if (!isObject(patch)) return;
    if (this.#batch.resting) this.#keep(patch);
    else this.#batch.add(() => this.#change(patch));
  }

  #change(patch: JsonObject): void {
    // Frames come again a moment after the tab is seen again: what was kept aside is not behind.
    if (this.#aside) this.#write(this.#aside);
    if (this.state === undefined) return;
    applyInto(this.state as JsonObject, patch);
    this.changes += 1;
  }

  /** Changes what is kept aside, which begins as what is shown. */
  #keep(patch: JsonObject): void {
    this.#batch.settle();
    this.#aside ??= $state.snapshot(this.state) as JsonObject | undefined;
    if (this.#aside === undefined) return;
    applyInto(this.#aside, patch);
    this.#batch.once(this.#show);
  }

  event(event: unknown, topic: string): void {
    this.#batch.add(() => this.#told.onEvent?.(event, topic));
  }

  confirmed(): void {
    this.#confirmed = Date.now();
    if (this.#batch.resting) this.#batch.once(this.#show);
    else this.confirmedAt = this.#confirmed;
  }

  removed(): void {
    this.#batch.add(() => (this.gone = true));
  }

  refused(problem: ErrorBody): void {
    this.#batch.add(() => (this.problem = problem));
  }
}
