// The time that a page shows: now, or a moment of the past that somebody looks at. What ticks in a panel asks here, so
// that nothing on a page of the past counts on from today.

import { getContext, setContext } from 'svelte';
import { ticker } from './ticker.svelte';

export interface Shown {
  /** The server's time, now or then: what timestamps in a view are compared with. */
  readonly server: number;
  /** The moment of the past that is shown; undefined for the present. */
  readonly past: number | undefined;
  /** Shows another moment; undefined where there is only now. */
  readonly seek?: (ms: number) => void;
}

const KEY = Symbol('the time that is shown');

const PRESENT: Shown = {
  get server() {
    return ticker.server;
  },
  past: undefined,
};

/** Says which time the page shows; called while the page is made. */
export function provideShown(shown: Shown): void {
  setContext(KEY, shown);
}

/** The time that is shown; called while a component is made. */
export function shownTime(): Shown {
  return getContext<Shown | undefined>(KEY) ?? PRESENT;
}
