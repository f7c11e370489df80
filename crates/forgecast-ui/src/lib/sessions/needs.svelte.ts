// What needs somebody right now, less what was acknowledged in this browser; the count of it stands in the title and in the
// icon of the tab, for which no permission is needed.

import { acknowledge, byUrgency, isAcknowledged, isFresh, noticeOf, parseAcknowledged, type Acknowledged } from './needs';
import { live } from '../live/live.svelte';
import { ticker } from '../time/ticker.svelte';
import type { RowState } from './sessions.svelte';

const KEY = 'forgecast-acknowledged';
/** The icons with a number that the build makes: `icon-1.svg` to `icon-9.svg`, and `icon-more.svg`. */
const NUMBERED = 9;

class Needs {
  #acknowledged = $state.raw<Acknowledged>(parseAcknowledged(stored()));
  /** The server's time, to the minute: what is fresh changes no faster. */
  readonly minute = $derived(Math.floor(ticker.server / 60_000) * 60_000);

  /** Who needs somebody, the most urgent first. */
  readonly list: readonly RowState[] = $derived(
    live.index.needing
      .filter(({ id, row }) => {
        const notice = noticeOf(row);
        return notice && !isAcknowledged(this.#acknowledged, id, notice) && isFresh(row, this.minute);
      })
      .sort((a, b) => byUrgency(a.row, b.row)),
  );

  start(): void {
    window.addEventListener('storage', ({ key, newValue }) => {
      if (key === KEY) this.#acknowledged = parseAcknowledged(newValue);
    });
    $effect.root(() => {
      $effect(() => showCount(this.list.length));
    });
  }

  acknowledge({ id, row }: RowState): void {
    const notice = noticeOf(row);
    if (!notice) return;
    this.#acknowledged = acknowledge(this.#acknowledged, id, notice);
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#acknowledged));
    } catch {
      // Storage is switched off: it holds for this visit.
    }
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function showCount(count: number): void {
  const name = count === 0 ? 'icon.svg' : count > NUMBERED ? 'icon-more.svg' : `icon-${count}.svg`;
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (icon) icon.href = live.base + name;
}

export const needs = new Needs();

/** The title of a page, with how many sessions need somebody. */
export function pageTitle(text: string): string {
  return needs.list.length > 0 ? `(${needs.list.length}) ${text}` : text;
}
