// How much of a plan is used up, in words: by whom, when the rest will be, and when it begins anew. Pure.

import { clockTime, count, millis, percent } from '../format';
import type { LimitWindow } from '../generated/wire';

const AGENTS: Readonly<Record<string, string>> = { claude: 'Claude Code', codex: 'Codex' };
const DAY_MS = 24 * 3_600_000;

/** A window as people call it: `Claude Code, five hours`. */
export function limitName(window: LimitWindow): string {
  const of = [window.account, window.scope].filter((part) => part !== undefined).join(', ');
  return `${AGENTS[window.agent] ?? window.agent}${of ? ` (${of})` : ''}, ${windowLength(window.window_minutes)}`;
}

export function windowLength(minutes: number): string {
  if (minutes === 300) return 'five hours';
  if (minutes === 10_080) return 'week';
  if (minutes % 1_440 === 0) return `${minutes / 1_440} days`;
  return minutes % 60 === 0 ? `${minutes / 60} hours` : `${minutes} minutes`;
}

/** A time of the day, with the day when it is not within a day of now. */
function moment(time: string | undefined, now: number): string | undefined {
  const at = millis(time);
  if (at === undefined) return undefined;
  const clock = clockTime(at).slice(0, 5);
  return Math.abs(at - now) < DAY_MS ? clock : `${new Date(at).toLocaleDateString('sv-SE')} ${clock}`;
}

/** When the rest will be used up: `between 14:05 and 14:40`. */
export function usedUp({ used_up: range, resets_at: end }: LimitWindow, now: number): string | undefined {
  const from = moment(range?.from, now);
  if (range === undefined || from === undefined) return undefined;
  const isOpen = end !== undefined && (millis(range.to) ?? 0) > (millis(end) ?? 0);
  return `between ${from} and ${isOpen ? 'the reset' : moment(range.to, now)}`;
}

/** How the window stands, in a few words. */
export function standing(window: LimitWindow, now: number): string {
  if (window.unknown_since !== undefined) return `unknown since ${moment(window.unknown_since, now)}`;
  const used = window.used_percent === undefined ? `estimated, ${count(window.tokens)} tokens` : `${percent(window.used_percent)} used`;
  const limit = usedUp(window, now);
  const reset = moment(window.resets_at, now);
  const about = window.basis === 'estimated' ? 'about ' : '';
  return [used, limit && `limit ${limit}`, reset && `reset ${about}${reset}`].filter(Boolean).join(', ');
}

/** What a session took of a window: `This build took 31% of your five hours; at this rate …`. Undefined for none. */
export function shareOf(window: LimitWindow, session: string, what: string, now: number): string | undefined {
  const share = window.sessions?.find(({ key }) => key === session);
  if (share === undefined) return undefined;
  const length = windowLength(window.window_minutes);
  const plan = AGENTS[window.agent] ?? window.agent;
  const took =
    share.window_percent === undefined
      ? `This ${what} made ${percent(share.share_percent)} of what was used of ${plan} in these ${length} (estimated)`
      : `This ${what} took ${percent(share.window_percent)} of your ${length} of ${plan}`;
  const limit = usedUp(window, now);
  const reset = moment(window.resets_at, now);
  const parts = [limit && `at this rate the limit comes ${limit}`, reset && `reset ${window.basis === 'estimated' ? 'about ' : ''}${reset}`];
  const rest = parts.filter(Boolean).join(', ');
  return rest ? `${took}; ${rest}` : took;
}

/** How near the limit it is, as a tone. */
export function limitTone({ used_percent: used }: LimitWindow): '' | 'warn' | 'bad' {
  if (used === undefined || used < 75) return '';
  return used < 90 ? 'warn' : 'bad';
}
