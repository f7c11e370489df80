// What somebody chose on the overview; kept while a session is looked at, so that coming back is coming back.

import type { Sort, Tab } from './rows';

class OverviewState {
  /** Chosen by hand; until then the page decides. */
  tab = $state<Tab>();
  filter = $state('');
  sort = $state<Sort>('started');
  /** The id of the chosen row. */
  chosen = $state<string>();
  /** Where the list is scrolled to, in pixels. */
  top = 0;
}

export const overviewState = new OverviewState();
