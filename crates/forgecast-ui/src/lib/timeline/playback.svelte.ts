// The past of one session: which revision is looked at, its view, and the playback. The present goes on meanwhile in its
// own state; nothing here touches it. The address (`?at=<revision>`) says where one stands, so that it can be passed on.

import { address, ApiError, get } from '../api/client';
import { asJson, reconcile } from '../live/merge-patch';
import { clampRevision, extendTimeline, adjacentPhase, revisionAt, timeOf, type SessionTimeline } from './timeline';
import { millis } from '../format';
import { Scale, advance } from './scale';
import { loadView, ViewCache, type PastView } from './view-cache';
import type { SessionView, Timeline } from '../generated/wire';

export const SPEEDS = [1, 4, 10, 60] as const;
export type Speed = (typeof SPEEDS)[number];

/** The address is written when a scrubber rests: browsers refuse more than a few changes a second. */
const ADDRESS_MS = 300;
/** The scale is not asked for more often than this. */
const REFRESH_MS = 5_000;
/** What a scale as wide as a window can show: of more one could not tell one from another. */
const MAX_MARKS = 600;
/** A step of a playback that was held up (a tab in the background) is no leap. */
const LONGEST_STEP_MS = 250;

export interface PlaybackOptions {
  /** The session; undefined until its id is known. */
  id(): string | undefined;
  /** The address of the page at a revision, or in the present. */
  page(revision: number | undefined): string;
  /** The server's time. */
  now(): number;
  /** Whether the session is at work. */
  atWork(): boolean;
}

export class Playback {
  timeline = $state.raw<SessionTimeline>();
  /** The revision that is wanted; undefined in the present. */
  wanted = $state<number>();
  /** The revision that `view` is of. */
  revision = $state<number>();
  /** The view as it was; stays while the next one is on its way. */
  view = $state<SessionView>();
  /** Why the wanted revision cannot be shown. */
  problem = $state<string>();
  playing = $state(false);
  speed = $state<Speed>(10);
  /** The time that a playback or a scrubber stands at, between two revisions, too. */
  cursor = $state<number>();
  /** When the shown revision came, by the server. */
  #revisionAt = $state<number>();
  /** The end of the scale while the session is at work. */
  #end = $state(0);

  readonly scale = $derived(new Scale(this.timeline?.times.map(({ at }) => at) ?? [], this.#end));
  /** The moment that is shown; undefined in the present. */
  readonly at = $derived.by(() => {
    if (this.wanted === undefined || this.revision === undefined) return undefined;
    return this.#revisionAt ?? (this.timeline && timeOf(this.timeline, this.revision)) ?? millis(this.view?.last_work_at);
  });
  readonly active = $derived(this.wanted !== undefined);

  readonly #options: PlaybackOptions;
  readonly #cache: ViewCache;
  #address: ReturnType<typeof setTimeout> | undefined;
  #refreshing = false;
  #stale = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort = new AbortController();
  #frame: number | undefined;
  #before = 0;

  constructor(options: PlaybackOptions) {
    this.#options = options;
    this.#cache = new ViewCache({
      load: (revision, signal) => loadView(address('/api/v1/sessions/{id}/at/{revision}', { path: { id: options.id() ?? '', revision } }), signal),
      onView: (revision, past) => this.#show(revision, past),
      onFailure: (revision, reason) => {
        this.problem = reason;
        this.playing = false;
        this.revision ??= revision;
      },
    });
  }

  /** Begins; `stop` ends it. What the address says is shown as soon as the session is known. */
  start(): () => void {
    const onPopState = () => this.#readAddress();
    const onVisible = () => {
      if (!document.hidden && this.#stale) this.refresh();
    };
    window.addEventListener('popstate', onPopState);
    document.addEventListener('visibilitychange', onVisible);
    this.#readAddress();
    this.refresh();
    return () => {
      window.removeEventListener('popstate', onPopState);
      document.removeEventListener('visibilitychange', onVisible);
      clearTimeout(this.#address);
      clearTimeout(this.#timer);
      this.#abort.abort();
      this.pause();
      this.#cache.stop();
    };
  }

  /** Something changed: the scale is asked for what is new, soon, once. */
  refresh(): void {
    this.#stale = true;
    if (this.#refreshing || this.#timer !== undefined || document.hidden) return;
    void this.#load();
  }

  /** Time passed: the scale of a session at work ends now. */
  tick(): void {
    if (!this.#options.atWork()) return;
    const scale = this.scale;
    // In steps that can be seen: a scale that moves by less would be painted for nothing.
    const step = Math.max(1_000, (scale.to - scale.from) / 400);
    const now = this.#options.now();
    if (now - this.#end >= step) this.#end = now;
  }

  /** Looks at a revision; from the present as a new entry of the history. */
  go(revision: number): void {
    const timeline = this.timeline;
    const wanted = timeline ? clampRevision(timeline, revision) : revision;
    this.pause();
    this.cursor = undefined;
    this.#request(wanted);
  }

  goTo(ms: number): void {
    if (!this.timeline) return;
    this.go(revisionAt(this.timeline, ms));
    this.cursor = ms;
  }

  step(by: number): void {
    const timeline = this.timeline;
    if (timeline) this.go((this.wanted ?? timeline.revision) + by);
  }

  phase(by: 1 | -1): void {
    const timeline = this.timeline;
    if (!timeline) return;
    const revision = adjacentPhase(timeline, this.wanted ?? timeline.revision + 1, by);
    if (revision !== undefined) this.go(revision);
    else if (by < 0) this.go(timeline.first);
    else this.go(timeline.revision);
  }

  /** Returns to the present. */
  leave(): void {
    if (!this.active) return;
    this.#reset();
    if ((history.state as { past?: boolean } | null)?.past) history.back();
    else history.replaceState(history.state, '', this.#options.page(undefined));
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Plays on from here; from the beginning when this is the present or the end. */
  play(): void {
    const timeline = this.timeline;
    if (!timeline || timeline.times.length < 2) return;
    const here = this.wanted;
    const from = here === undefined || here >= timeline.revision ? timeline.first : here;
    this.cursor = this.cursor !== undefined && from === here ? this.cursor : timeOf(timeline, from);
    this.#request(from, true);
    this.playing = true;
    this.#before = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#play(now));
  }

  pause(): void {
    this.playing = false;
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
  }

  #play(now: number): void {
    const timeline = this.timeline;
    if (!this.playing || !timeline || this.cursor === undefined) return;
    const passed = Math.min(LONGEST_STEP_MS, Math.max(0, now - this.#before));
    this.#before = now;
    this.cursor = advance(this.scale, this.cursor, passed, this.speed);
    const revision = clampRevision(timeline, revisionAt(timeline, this.cursor));
    if (revision !== this.wanted) this.#request(revision, true);
    if (this.cursor >= this.scale.to) {
      this.pause();
      // The playback has come to the present: of a session at work, that goes on.
      if (this.#options.atWork()) this.leave();
      return;
    }
    this.#frame = requestAnimationFrame((next) => this.#play(next));
  }

  #request(revision: number, passing = false): void {
    if (this.wanted === revision) return;
    const entering = this.wanted === undefined;
    this.wanted = revision;
    this.problem = undefined;
    clearTimeout(this.#address);
    if (entering) history.pushState({ past: true }, '', this.#options.page(revision));
    else this.#address = setTimeout(() => history.replaceState(history.state, '', this.#options.page(revision)), ADDRESS_MS);
    this.#ask(revision, passing);
  }

  #ask(revision: number, passing = false): void {
    if (this.#options.id() !== undefined) this.#cache.request(revision, passing);
  }

  /** The address says which revision, or none. */
  #readAddress(): void {
    const describeMark = new URLSearchParams(location.search).get('at');
    const revision = describeMark !== null && /^\d{1,15}$/.test(describeMark) ? Number(describeMark) : undefined;
    if (revision === this.wanted) return;
    this.pause();
    clearTimeout(this.#address);
    if (revision === undefined) return this.#reset();
    this.wanted = revision;
    this.cursor = undefined;
    this.#ask(revision);
  }

  #reset(): void {
    this.pause();
    clearTimeout(this.#address);
    this.#cache.stop();
    this.wanted = undefined;
    this.revision = undefined;
    this.cursor = undefined;
    this.problem = undefined;
    this.view = undefined;
  }

  #show(revision: number, { view, at }: PastView): void {
    this.problem = undefined;
    this.revision = revision;
    this.#revisionAt = at;
    if (this.view === undefined || this.view.id !== view.id) this.view = structuredClone(view);
    else reconcile(asJson(this.view), asJson(view));
  }

  async #load(): Promise<void> {
    const timeline = this.timeline;
    const id = this.#options.id();
    if (id === undefined) return;
    this.#refreshing = true;
    this.#stale = false;
    try {
      const query = { after: timeline?.revision ?? 0, limit: MAX_MARKS };
      this.#take(await get('/api/v1/sessions/{id}/timeline', { path: { id }, query, signal: this.#abort.signal }));
    } catch (error) {
      // The server is away, as the page says: the next request asks again. One that was refused stays refused.
      this.#stale = !(error instanceof ApiError);
    } finally {
      this.#refreshing = false;
    }
    if (this.#abort.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#stale) this.refresh();
    }, REFRESH_MS);
  }

  #take(answer: Timeline): void {
    const known = this.timeline;
    // Other numbers than before: the server began anew, or let go of old facts.
    const anew = known !== undefined && (answer.revision < known.revision || answer.first_revision > known.first);
    if (anew) {
      this.timeline = undefined;
      this.#stale = true;
      return;
    }
    const nothingNew = known !== undefined && answer.times.length === 0;
    if (!nothingNew) this.timeline = extendTimeline(known, answer);
    if (this.wanted !== undefined && this.revision === undefined) this.#ask(this.wanted);
  }
}
