// What somebody chose in the history; kept while a session is looked at, so that coming back is coming back.

import type { FinishedSort, Outcome } from './finished-sessions.svelte';
import type { Metric, Range } from './history';
import type { GroupBy } from '../generated/wire';

class HistoryState {
  range = $state<Range>('30');
  metric = $state<Metric>('cost');
  by = $state<Exclude<GroupBy, 'day'>>('project');
  /** Only this project; undefined for all. */
  project = $state<string>();
  verdict = $state<Outcome | 'all'>('all');
  sort = $state<FinishedSort>('ended');
  text = $state('');
  /** The sessions that are to be compared, the first chosen one first. */
  compared = $state.raw<readonly string[]>([]);
  /** Where the list is scrolled to, in pixels. */
  top = 0;

  /** Chooses a session, or no longer; a third one takes the place of the first. */
  compare(id: string): void {
    this.compared = this.compared.includes(id) ? this.compared.filter((one) => one !== id) : [...this.compared, id].slice(-2);
  }
}

export const historyState = new HistoryState();
