// What the server's own notifications say and what became of them, in words.

import { duration } from '../format';
import type { AttentionKind, Notification, NotificationState, NotificationTarget } from '../generated/wire';

export const STATE_NAMES: Readonly<Record<NotificationState, string>> = {
  waiting: 'Waiting',
  delivered: 'Delivered',
  dead: 'Given up',
  obsolete: 'Not needed',
};

const SAYS: Readonly<Record<AttentionKind, string>> = {
  waiting: 'needs you',
  stalled: 'is stalled',
  failed: 'failed',
  budget: 'reached a budget threshold',
  limit: 'has news of its plan’s limit',
  completed: 'is completed',
};

/** How long it is until a time; undefined when it has passed or there is none. */
export function until(time: string | undefined, now: number): string | undefined {
  const left = time === undefined ? 0 : Date.parse(time) - now;
  return left > 0 ? duration(left) : undefined;
}

/** How a target is doing, in a few words. */
export function stateOf(target: NotificationTarget, now: number): string {
  if (target.disabled !== undefined) return `Disabled: ${target.disabled}`;
  if (target.failures === 0) return target.waiting > 0 ? 'Sending' : 'Ready';
  const next = until(target.next_attempt_at, now);
  return next === undefined ? 'Failing' : `Failing, next attempt in ${next}`;
}

/** `needs you, failed or is stalled`. */
export function eventNames(events: readonly AttentionKind[]): string {
  const names = events.map((kind) => SAYS[kind]);
  const last = names.pop() ?? 'needs nothing';
  return names.length === 0 ? last : `${names.join(', ')} or ${last}`;
}

/** What a message says of each session; nothing for a test. */
export function about(message: Notification): { key: string; session: string; name: string; says: string }[] {
  const needed = message.items.map((item) => ({ item, says: item.text === '' ? SAYS[item.kind] : `${SAYS[item.kind]}: ${item.text}` }));
  const over = (message.resolved ?? []).map((item) => ({ item, says: 'needs nobody any more' }));
  return [...needed, ...over].map(({ item, says }) => ({ key: `${item.session} ${item.seq} ${says}`, session: item.session, name: item.name, says }));
}
