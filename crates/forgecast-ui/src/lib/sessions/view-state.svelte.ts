// What somebody chose on the overview; kept while a session is looked at, so that coming back is coming back, and in the
// address, so that a reload is no loss.

import { router } from '../navigation/router.svelte';
import { choiceIn, queryOf, type Grouping, type OverviewChoice } from './view-state';
import type { Sort, Tab } from './rows';

class OverviewState implements OverviewChoice {
  /** Chosen by hand; until then the page decides. */
  tab = $state<Tab>();
  filter = $state('');
  sort = $state<Sort>('started');
  group = $state<Grouping>('none');
  /** The id of the chosen row. */
  chosen = $state<string>();
  /** Where the list is scrolled to, in pixels. */
  top = 0;

  constructor() {
    if (typeof location !== 'undefined' && router.route.page === 'overview') Object.assign(this, choiceIn(location.search));
  }

  /** Writes the choice into the address of the overview. */
  writeToAddress(): void {
    const address = router.href({ page: 'overview' }) + queryOf(this);
    if (router.route.page === 'overview' && address !== location.pathname + location.search) history.replaceState(null, '', address);
  }
}

export const overviewState = new OverviewState();
