// The rows of the overview below headings: by project, or by machine. Pure.

import type { Grouping } from './view-state';
import type { SessionRow } from '../generated/wire';

/** A heading in a list of rows. */
export interface GroupHeading {
  readonly heading: string;
  readonly count: number;
}

const THIS_MACHINE = 'This machine';

/** The same items in groups, the groups by name, each after its heading; within a group the order stays. */
export function grouped<T extends { row: SessionRow }>(items: readonly T[], by: Exclude<Grouping, 'none'>): (T | GroupHeading)[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = item.row[by] ?? (by === 'project' ? item.row.name : THIS_MACHINE);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  const names = [...groups.keys()].sort((a, b) => a.localeCompare(b));
  return names.flatMap((name) => [{ heading: name, count: groups.get(name)!.length }, ...groups.get(name)!]);
}
