// How somebody who does not look is told what needs notice, and who is told: what was chosen, read from text that may be
// anything. Pure.

import { isObject } from '../live/merge-patch';
import type { Toast } from './toasts';
import type { Attention, AttentionKind, SessionRow } from '../generated/wire';

export type NotificationKind = AttentionKind;
export const NOTIFICATION_KINDS: readonly NotificationKind[] = ['completed', 'failed', 'waiting', 'stalled', 'budget', 'limit'];

export const KIND_NAMES: Record<NotificationKind, string> = {
  completed: 'a session completes',
  failed: 'a session fails',
  waiting: 'a session needs you',
  stalled: 'a session stalls',
  budget: 'a budget threshold is reached',
  limit: 'a plan is nearly used up, or can be used again',
};

export interface Message {
  kind: NotificationKind;
  /** Undefined for a budget of a day or a month. */
  session: string | undefined;
  title: string;
  body: string;
  /** The same in every tab that has the same news: the browser shows one of a tag. */
  tag: string;
}

const WAITS = { permission: 'needs approval', answer: 'asks a question', prompt: 'waits for you' } as const;

const WHAT: Record<NotificationKind, string> = {
  completed: 'completed',
  failed: 'failed',
  waiting: 'needs you',
  stalled: 'stalled',
  budget: 'reached a budget threshold',
  limit: 'has news of its plan’s limit',
};

/** How what needs notice in a row is told; the server decided that it does. */
export function messageFor(row: SessionRow, { kind, text }: Attention): Message {
  const what = kind === 'waiting' && row.waiting_for ? WAITS[row.waiting_for] : WHAT[kind];
  return { kind, session: row.id, title: `${row.name} ${what}`, body: text, tag: `forgecast ${row.id} ${kind}` };
}

/** How a mark of the budget of a day or a month is told, or of a limit that no session is near. */
export function messageForBudget(toast: Toast): Message {
  if (toast.scope === 'limit') {
    return { kind: 'limit', session: toast.session, title: 'Plan limit', body: toast.text, tag: `forgecast ${toast.key} ${toast.level}` };
  }
  return {
    kind: 'budget',
    session: toast.session,
    title: toast.level === 'exceeded' ? 'Budget exceeded' : 'Budget threshold reached',
    body: toast.text,
    tag: `forgecast budget ${toast.key} ${toast.level}`,
  };
}

/** Several at once are one: after a restart, or when a machine wakes up. */
export function summary(messages: readonly Message[]): Message {
  const kinds = NOTIFICATION_KINDS.flatMap((kind) => {
    const count = messages.filter((message) => message.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind === 'budget' ? (count === 1 ? 'budget' : 'budgets') : kind}`];
  });
  return {
    kind: messages[0]?.kind ?? 'completed',
    session: undefined,
    title: `${messages.length} updates`,
    body: kinds.join(', '),
    tag: 'forgecast several',
  };
}

export interface NotificationPrefs {
  /** Whether anything is told at all. */
  on: boolean;
  /** Kinds that are not wanted. */
  without: readonly NotificationKind[];
  /** Sessions that are told of, or not, whatever else is chosen. */
  sessions: Readonly<Record<string, boolean>>;
}

export const DEFAULT_PREFS: NotificationPrefs = { on: false, without: [], sessions: {} };
/** Choices for single sessions beyond this are forgotten, the oldest first. */
const MAX_SESSIONS = 200;

/** Reads what was kept; whatever is not understood is as if it had never been chosen. */
export function parsePrefs(text: string | null): NotificationPrefs {
  let read: unknown;
  try {
    read = JSON.parse(text ?? '');
  } catch {
    return DEFAULT_PREFS;
  }
  if (!isObject(read)) return DEFAULT_PREFS;
  const { on, without, sessions } = read;
  return {
    on: on === true,
    without: Array.isArray(without) ? NOTIFICATION_KINDS.filter((kind) => without.includes(kind)) : [],
    sessions: isObject(sessions)
      ? Object.fromEntries(Object.entries(sessions).filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean'))
      : {},
  };
}

export function withSession(prefs: NotificationPrefs, session: string, on: boolean): NotificationPrefs {
  const kept = Object.entries(prefs.sessions)
    .filter(([id]) => id !== session)
    .slice(1 - MAX_SESSIONS);
  // What is chosen for all need not be chosen for one.
  return { ...prefs, sessions: Object.fromEntries(on === prefs.on ? kept : [...kept, [session, on]]) };
}

export function isWanted(prefs: NotificationPrefs, message: Pick<Message, 'kind' | 'session'>): boolean {
  if (prefs.without.includes(message.kind)) return false;
  return (message.session === undefined ? undefined : prefs.sessions[message.session]) ?? prefs.on;
}
