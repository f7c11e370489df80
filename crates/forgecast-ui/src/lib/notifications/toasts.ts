// Reads what the server says besides states: that a mark of a budget or of a plan's limit was passed. Whatever is not understood is left out,
// because producers' own events come the same way.

import { isObject } from '../live/merge-patch';
import { dateTime, millis, money } from '../format';
import type { BudgetLevel, BudgetScope } from '../generated/wire';

export interface Toast {
  /** One of its kind is shown once; a later one takes its place. */
  key: string;
  /** What it is about: a budget, or the limit of a plan. */
  scope: BudgetScope | 'limit';
  level: BudgetLevel;
  text: string;
  /** The session whose call passed the mark. */
  session: string | undefined;
  /** What the tooltip says: when. */
  at: string | undefined;
}

const SCOPES: Record<BudgetScope, string> = { session: 'Session', day: 'Daily', month: 'Monthly', project: 'Project' };
const LEVELS: readonly BudgetLevel[] = ['safe', 'warning', 'critical', 'exceeded'];

/** What to show for the event that came on `topic`: `{type: "budget_passed", session, at, data: {scope, level, …}}`, or
 *  `{type: "limit_passed", …, data: {agent, level, text, …}}`. */
export function toastOf(event: unknown, topic: string): Toast | undefined {
  if (!isObject(event)) return undefined;
  const said = event['data'];
  if (!isObject(said)) return undefined;
  if (event['type'] === 'limit_passed') return limitToast(event, said);
  if (event['type'] !== 'budget_passed') return undefined;
  const { scope, level, limit_usd: limit, spent_usd: spent, period } = said;
  if (typeof scope !== 'string' || !Object.hasOwn(SCOPES, scope)) return undefined;
  const rank = LEVELS.find((known) => known === level);
  if (rank === undefined || typeof limit !== 'number' || typeof spent !== 'number') return undefined;
  const named = event['session'];
  const own = topic.startsWith('session/') ? topic.slice('session/'.length) : undefined;
  const session = typeof named === 'string' ? named : own;
  const at = typeof event['at'] === 'string' ? millis(event['at']) : undefined;
  const of = typeof period === 'string' ? ` (${period})` : '';
  return {
    key: [scope, scope === 'session' ? session : period].join(' '),
    scope: scope as BudgetScope,
    level: rank,
    text: `${SCOPES[scope as BudgetScope]} budget${of}${rank === 'exceeded' ? ' exceeded' : ''}: ${money(spent)} of ${money(limit)} spent`,
    session,
    at: at === undefined ? undefined : dateTime(at),
  };
}

function limitToast(event: Readonly<Record<string, unknown>>, said: Readonly<Record<string, unknown>>): Toast | undefined {
  const { agent, account, scope, window_minutes: minutes, level, text } = said;
  const rank = LEVELS.find((known) => known === level);
  if (rank === undefined || typeof text !== 'string' || typeof agent !== 'string') return undefined;
  const at = typeof event['at'] === 'string' ? millis(event['at']) : undefined;
  return {
    key: ['limit', agent, account, scope, minutes].join(' '),
    scope: 'limit',
    level: rank,
    text,
    session: typeof event['session'] === 'string' ? event['session'] : undefined,
    at: at === undefined ? undefined : dateTime(at),
  };
}

/** The toasts with a new one: it stands first and takes the place of an earlier one of its kind. */
export function addToast(toasts: readonly Toast[], toast: Toast, most: number): readonly Toast[] {
  return [toast, ...toasts.filter(({ key }) => key !== toast.key)].slice(0, most);
}
