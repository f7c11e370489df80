// What a session is doing, or how it stands when it does nothing: the words of one line. Pure.

import { failureReason } from './failure';
import { needOf } from './needs';
import { atWork } from './status';
import type { ActivityKind, SessionRow } from '../generated/wire';

export interface ActivityText {
  kind: ActivityKind | 'waiting' | 'failed' | 'over';
  text: string;
  /** Since when, where that is worth telling: of an end, its age stands elsewhere. */
  since: string | undefined;
}

export function describeActivity(row: SessionRow): ActivityText {
  const { activity, attention, status } = row;
  if (status === 'waiting') {
    const asks = attention?.text || row.status_reason || 'Waits for a person';
    return { kind: needOf(row) === 'waiting' ? 'waiting' : 'over', text: asks, since: attention?.since };
  }
  if (atWork(row) && activity) return { kind: activity.kind, text: activity.text, since: activity.since };
  const reason = row.status_reason ?? row.phase?.name;
  if (status === 'failed' || needOf(row) === 'failed') return { kind: 'failed', text: failureReason(reason ?? 'Failed', row.tests), since: undefined };
  // What was done says more than which file or word told that it is.
  const done = status === 'completed' && row.task !== row.name ? row.task : undefined;
  return { kind: 'over', text: done ?? reason ?? row.task ?? '', since: undefined };
}
