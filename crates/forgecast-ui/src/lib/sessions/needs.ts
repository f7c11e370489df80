// What needs somebody: which rows of the index do, for how long an end counts as fresh, and in which order they stand. Pure.

import { millis } from '../format';
import { failureReason } from './failure';
import { atWork } from './status';
import type { Attention, SessionRow } from '../generated/wire';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A session that ended well stays among the active ones for this long; one that ended badly needs somebody for longer. */
export const FRESH_END_MS = 30 * MINUTE;
export const FRESH_FAILURE_MS = 12 * HOUR;

/** What somebody is needed for, in the order in which it is shown. */
export const NEEDS = ['waiting', 'failed', 'stalled', 'budget', 'limit'] as const;
export type Need = (typeof NEEDS)[number];

/** What is worth somebody's notice in a row. What was blocked, stalled, failed or stopped by an error already when the session
 *  was found raised no attention, and does not go on by itself all the same: it has the number before the first. */
export function noticeOf(row: SessionRow): Attention | undefined {
  if (row.attention) return row.attention;
  const kind = foundIn(row);
  if (kind === undefined) return undefined;
  return { kind, seq: 0, since: row.ended_at ?? row.last_work_at ?? row.started_at ?? '', text: row.status_reason ?? '' };
}

function foundIn({ status, waiting_for, stopped_by_error }: SessionRow): Need | undefined {
  if (status === 'stalled' || status === 'failed') return status;
  if (status === 'abandoned' && stopped_by_error) return 'failed';
  const isBlocked = waiting_for === 'permission' || waiting_for === 'answer' || stopped_by_error;
  return status === 'waiting' && isBlocked ? 'waiting' : undefined;
}

/** Since when somebody is needed. A silence began with the last work, and not when it was noticed. */
export function needSince(row: SessionRow): number | undefined {
  return millis(needOf(row) === 'stalled' ? (row.last_work_at ?? noticeOf(row)?.since) : noticeOf(row)?.since);
}

/** What somebody is needed for, if anybody is. A finished turn and a good end need nobody. */
export function needOf(row: SessionRow): Need | undefined {
  const attention = noticeOf(row);
  if (attention === undefined || attention.your_turn) return undefined;
  // That half of it is used is worth a word, and needs nobody yet.
  if (attention.kind === 'budget' && attention.level !== 'critical' && attention.level !== 'exceeded') return undefined;
  // What works on needs nobody because it may go on.
  if (attention.kind === 'limit' && (attention.level === 'warning' || (attention.level === 'safe' && row.status === 'running'))) return undefined;
  return NEEDS.find((need) => need === attention.kind);
}

/** Whether it still is news that a session failed; what waits or stalls is, however long it does. */
export function isFresh(row: SessionRow, now: number): boolean {
  const ended = millis(row.ended_at ?? row.last_work_at) ?? 0;
  return atWork(row) || now - ended < (needOf(row) === undefined && row.status === 'completed' ? FRESH_END_MS : FRESH_FAILURE_MS);
}

/** Whether a row belongs to what is going on: alive, or over for a short time only. */
export function isCurrent(row: SessionRow, now: number): boolean {
  if (atWork(row)) return true;
  // Nobody can say when it was abandoned; only a crash is news.
  return (row.status !== 'abandoned' || needOf(row) !== undefined) && isFresh(row, now);
}

/** Who has waited longest comes first; of the ends, the newest. */
export function byUrgency(a: SessionRow, b: SessionRow): number {
  const rank = (row: SessionRow) => NEEDS.indexOf(needOf(row) ?? 'budget');
  const since = (row: SessionRow) => needSince(row) ?? 0;
  const oldestFirst = needOf(a) === 'waiting' ? 1 : -1;
  return rank(a) - rank(b) || oldestFirst * (since(a) - since(b)) || (a.id < b.id ? -1 : 1);
}

/** The heading of what is needed, as short as a badge. */
export function needText(row: SessionRow): string {
  switch (needOf(row)) {
    case 'waiting':
      if (row.waiting_for === 'permission') return 'needs approval';
      if (row.waiting_for === 'answer') return 'asks a question';
      return row.waiting_for === 'prompt' ? 'stopped by an error' : 'waits for you';
    case 'failed':
      return row.status === 'abandoned' ? 'crashed' : 'failed';
    case 'stalled':
      return 'stalled';
    case 'limit':
      if (row.attention?.level === 'safe') return 'can go on';
      return row.attention?.level === 'exceeded' ? 'plan used up' : 'plan nearly used up';
    default:
      return row.attention?.level === 'exceeded' ? 'over budget' : 'near budget';
  }
}

/** What a row's status is called where its own word says too little: a crash is no silence, and an error no finished turn. */
export function statusWord(row: SessionRow): string | undefined {
  const isSaidByNeed = row.status === 'abandoned' || (row.status === 'waiting' && row.waiting_for === 'prompt');
  return isSaidByNeed && needOf(row) !== undefined ? needText(row) : undefined;
}

/** What is asked, or why somebody is needed: one line. Since when stands beside it, so a silence is told by what it is in. */
export function needReason(row: SessionRow): string {
  const need = needOf(row);
  if (need === 'stalled' && row.activity) return `Silent during ${row.activity.text}`;
  const text = row.attention?.text || row.status_reason || 'No reason given';
  if (need === 'failed') return failureReason(text, row.tests);
  return need === 'budget' ? `${text[0]?.toUpperCase()}${text.slice(1)}` : text;
}

/** What was acknowledged: the number of the attention by session. Bounded: the oldest is forgotten first. */
export type Acknowledged = Readonly<Record<string, number>>;
const MAX_ACKNOWLEDGED = 1_000;

export function isAcknowledged(acknowledged: Acknowledged, id: string, { seq }: Pick<Attention, 'seq'>): boolean {
  return Object.hasOwn(acknowledged, id) && seq <= acknowledged[id]!;
}

export function acknowledge(acknowledged: Acknowledged, id: string, { seq }: Pick<Attention, 'seq'>): Acknowledged {
  const others = Object.entries(acknowledged).filter(([other]) => other !== id);
  return Object.fromEntries([...others.slice(1 - MAX_ACKNOWLEDGED), [id, seq]]);
}

/** Reads what was stored; what is not understood was never acknowledged. */
export function parseAcknowledged(text: string | null): Acknowledged {
  try {
    const read: unknown = JSON.parse(text ?? '');
    if (typeof read !== 'object' || read === null) return {};
    return Object.fromEntries(Object.entries(read).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
  } catch {
    return {};
  }
}
