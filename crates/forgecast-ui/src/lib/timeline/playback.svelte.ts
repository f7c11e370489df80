// The past of one session: which revision is looked at, its view, and the playback. The present goes on meanwhile in its
// own state; nothing here touches it. The address (`?at=<revision>`) says where one stands, so that it can be passed on.

import { reconcile, type JsonObject } from '../live/merge-patch';
import { clamped, extended, phaseFrom, revisionAt, timeOf, type Course } from './timeline';
import { millis } from '../format';
import { Scale, played } from './scale';
import { Views, type PastView } from './view-cache';
import type { SessionView, Timeline } from '../generated/wire';

export const SPEEDS = [1, 4, 10, 60] as const;
export type Speed = (typeof SPEEDS)[number];

/** The address is written when a scrubber rests: browsers refuse more than a few changes a second. */
const ADDRESS_MS = 300;
/** The scale is not asked for more often than this. */
const REFRESH_MS = 5_000;
/** What a scale as wide as a window can show: of more one could not tell one from another. */
const MOST_MARKS = 600;
/** A step of a playback that was held up (a tab in the background) is no leap. */
const LONGEST_STEP_MS = 250;

export interface PastOptions {
  /** The address of something of this session, `at/12`, `timeline?after=3`; undefined until its id is known. */
  url(path: string): string | undefined;
  /** The address of the page at a revision, or in the present. */
  page(revision: number | undefined): string;
  /** The server's time. */
  now(): number;
  /** Whether the session is at work. */
  atWork(): boolean;
}

export class Past {
  course = $state.raw<Course>();
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
  #came = $state<number>();
  /** The end of the scale while the session is at work. */
  #end = $state(0);

  readonly scale = $derived(new Scale(this.course?.times.map(({ at }) => at) ?? [], this.#end));
  /** The moment that is shown; undefined in the present. */
  readonly at = $derived.by(() => {
    if (this.wanted === undefined || this.revision === undefined) return undefined;
    return this.#came ?? (this.course && timeOf(this.course, this.revision)) ?? millis(this.view?.last_work_at);
  });
  readonly active = $derived(this.wanted !== undefined);

  readonly #options: PastOptions;
  readonly #views: Views;
  #address: ReturnType<typeof setTimeout> | undefined;
  #refreshing = false;
  #stale = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort = new AbortController();
  #frame: number | undefined;
  #before = 0;

  constructor(options: PastOptions) {
    this.#options = options;
    this.#views = new Views({
      url: (revision) => options.url(`at/${revision}`) ?? '',
      fetch: (url, init) => fetch(url, init),
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
    const arrived = () => this.#arrive();
    const seen = () => {
      if (!document.hidden && this.#stale) this.refresh();
    };
    window.addEventListener('popstate', arrived);
    document.addEventListener('visibilitychange', seen);
    this.#arrive();
    this.refresh();
    return () => {
      window.removeEventListener('popstate', arrived);
      document.removeEventListener('visibilitychange', seen);
      clearTimeout(this.#address);
      clearTimeout(this.#timer);
      this.#abort.abort();
      this.pause();
      this.#views.stop();
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
    const course = this.course;
    const wanted = course ? clamped(course, revision) : revision;
    this.pause();
    this.cursor = undefined;
    this.#want(wanted);
  }

  goTo(ms: number): void {
    if (!this.course) return;
    this.go(revisionAt(this.course, ms));
    this.cursor = ms;
  }

  step(by: number): void {
    const course = this.course;
    if (course) this.go((this.wanted ?? course.revision) + by);
  }

  phase(by: 1 | -1): void {
    const course = this.course;
    if (!course) return;
    const revision = phaseFrom(course, this.wanted ?? course.revision + 1, by);
    if (revision !== undefined) this.go(revision);
    else if (by < 0) this.go(course.first);
    else this.go(course.revision);
  }

  /** Returns to the present. */
  leave(): void {
    if (!this.active) return;
    this.#forget();
    if ((history.state as { past?: boolean } | null)?.past) history.back();
    else history.replaceState(history.state, '', this.#options.page(undefined));
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Plays on from here; from the beginning when this is the present or the end. */
  play(): void {
    const course = this.course;
    if (!course || course.times.length < 2) return;
    const here = this.wanted;
    const from = here === undefined || here >= course.revision ? course.first : here;
    this.cursor = this.cursor !== undefined && from === here ? this.cursor : timeOf(course, from);
    this.#want(from, true);
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
    const course = this.course;
    if (!this.playing || !course || this.cursor === undefined) return;
    const passed = Math.min(LONGEST_STEP_MS, Math.max(0, now - this.#before));
    this.#before = now;
    this.cursor = played(this.scale, this.cursor, passed, this.speed);
    const revision = clamped(course, revisionAt(course, this.cursor));
    if (revision !== this.wanted) this.#want(revision, true);
    if (this.cursor >= this.scale.to) {
      this.pause();
      // The playback has come to the present: of a session at work, that goes on.
      if (this.#options.atWork()) this.leave();
      return;
    }
    this.#frame = requestAnimationFrame((next) => this.#play(next));
  }

  #want(revision: number, passing = false): void {
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
    if (this.#options.url('') !== undefined) this.#views.want(revision, passing);
  }

  /** The address says which revision, or none. */
  #arrive(): void {
    const said = new URLSearchParams(location.search).get('at');
    const revision = said !== null && /^\d{1,15}$/.test(said) ? Number(said) : undefined;
    if (revision === this.wanted) return;
    this.pause();
    clearTimeout(this.#address);
    if (revision === undefined) return this.#forget();
    this.wanted = revision;
    this.cursor = undefined;
    this.#ask(revision);
  }

  #forget(): void {
    this.pause();
    clearTimeout(this.#address);
    this.#views.stop();
    this.wanted = undefined;
    this.revision = undefined;
    this.cursor = undefined;
    this.problem = undefined;
    this.view = undefined;
  }

  #show(revision: number, { view, at }: PastView): void {
    this.problem = undefined;
    this.revision = revision;
    this.#came = at;
    if (this.view === undefined || this.view.id !== view.id) this.view = structuredClone(view);
    else reconcile(this.view as unknown as JsonObject, view as unknown as JsonObject);
  }

  async #load(): Promise<void> {
    const course = this.course;
    const url = this.#options.url(`timeline?after=${course?.revision ?? 0}&limit=${MOST_MARKS}`);
    if (url === undefined) return;
    this.#refreshing = true;
    this.#stale = false;
    try {
      const answer = await fetch(url, { signal: this.#abort.signal, headers: { accept: 'application/json' } });
      if (answer.ok) this.#take((await answer.json()) as Timeline);
    } catch {
      // The server is away, as the page says; what comes next asks again.
      this.#stale = true;
    } finally {
      this.#refreshing = false;
    }
    if (this.#abort.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#stale) this.refresh();
    }, REFRESH_MS);
  }

  #take(timeline: Timeline): void {
    const known = this.course;
    // Other numbers than before: the server began anew, or let go of old facts.
    const anew = known !== undefined && (timeline.revision < known.revision || timeline.first_revision > known.first);
    if (anew) {
      this.course = undefined;
      this.#stale = true;
      return;
    }
    const nothingNew = known !== undefined && timeline.times.length === 0;
    if (!nothingNew) this.course = extended(known, timeline);
    if (this.wanted !== undefined && this.revision === undefined) this.#ask(this.wanted);
  }
}
