// What somebody chose on the overview, as it stands in its address. Pure.

import { SORTS, TABS, type Sort, type Tab } from './rows';

export const GROUPINGS = ['none', 'project', 'host'] as const;
export type Grouping = (typeof GROUPINGS)[number];

export interface OverviewChoice {
  /** Undefined: the page decides. */
  tab: Tab | undefined;
  filter: string;
  sort: Sort;
  group: Grouping;
}

const NO_CHOICE: OverviewChoice = { tab: undefined, filter: '', sort: 'started', group: 'none' };

/** Reads the query of an address; what is not understood was not chosen. */
export function choiceIn(query: string): OverviewChoice {
  const asked = new URLSearchParams(query);
  const one = <T extends string>(names: readonly T[], name: string) => names.find((known) => known === asked.get(name));
  return {
    tab: one(TABS, 'tab'),
    filter: asked.get('q') ?? '',
    sort: one(SORTS, 'sort') ?? NO_CHOICE.sort,
    group: one(GROUPINGS, 'group') ?? NO_CHOICE.group,
  };
}

/** The query that says what was chosen, with its question mark; empty when nothing was. */
export function queryOf({ tab, filter, sort, group }: OverviewChoice): string {
  const query = new URLSearchParams();
  if (tab !== undefined) query.set('tab', tab);
  if (filter !== '') query.set('q', filter);
  if (sort !== NO_CHOICE.sort) query.set('sort', sort);
  if (group !== NO_CHOICE.group) query.set('group', group);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}
