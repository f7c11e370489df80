// The time that a page shows: now, or a moment of the past that somebody looks at. What ticks in a panel asks here, so
// that nothing on a page of the past counts on from today.

import { getContext, setContext } from 'svelte';
import { ticker } from './ticker.svelte';

export interface ViewTime {
  /** The server's time, now or then: what timestamps in a view are compared with. */
  readonly server: number;
  /** The moment of the past that is shown; undefined for the present. */
  readonly past: number | undefined;
  /** Shows another moment; undefined where there is only now. */
  readonly seek?: (ms: number) => void;
}

const KEY = Symbol('view time');

const PRESENT: ViewTime = {
  get server() {
    return ticker.server;
  },
  past: undefined,
};

/** Says which time the page shows; called while the page is made. */
export function provideViewTime(viewTime: ViewTime): void {
  setContext(KEY, viewTime);
}

/** The time that is shown; called while a component is made. */
export function getViewTime(): ViewTime {
  return getContext<ViewTime | undefined>(KEY) ?? PRESENT;
}
