// A scale of time on which hours without anything take little room: pieces that are linear each, some of them short for
// what they are. Pure.

export interface Stretch {
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  /** 0 to 1. */
  left: number;
  right: number;
  /** Nothing happened in it, and it is drawn shorter than it was. */
  idle: boolean;
}

const MINUTE = 60_000;
/** A shorter silence is a phase at work. */
const LEAST_IDLE_MS = 15 * MINUTE;
/** Nor is one idle that is a small part of the whole. */
const IDLE_SHARE = 0.02;

export class Scale {
  readonly stretches: readonly Stretch[];
  readonly from: number;
  readonly to: number;

  /** `times` ascending; the scale ends at `until` or at the last of them, whichever is later. */
  constructor(times: readonly number[], until = 0) {
    this.from = times[0] ?? until;
    this.to = Math.max(times.at(-1) ?? until, until);
    const limit = Math.max(LEAST_IDLE_MS, IDLE_SHARE * (this.to - this.from));
    const pieces: { from: number; to: number; idle: boolean }[] = [];
    const add = (from: number, to: number, idle: boolean) => {
      const last = pieces.at(-1);
      if (last && !last.idle && !idle) last.to = to;
      else if (to > from) pieces.push({ from, to, idle });
    };
    let before = this.from;
    for (const time of [...times, this.to]) {
      if (time > before) add(before, time, time - before >= limit);
      before = Math.max(before, time);
    }
    const length = (piece: { from: number; to: number; idle: boolean }) => (piece.idle ? limit / 2 : piece.to - piece.from);
    const whole = pieces.reduce((sum, piece) => sum + length(piece), 0);
    let left = 0;
    this.stretches = pieces.map((piece, at) => {
      const right = at === pieces.length - 1 ? 1 : left + length(piece) / whole;
      const stretch = { ...piece, left, right };
      left = right;
      return stretch;
    });
  }

  /** Where a time stands, 0 to 1. */
  x(ms: number): number {
    const inside = this.stretches.find((stretch) => ms <= stretch.to);
    // Everything at one moment: the present is where it is.
    if (this.stretches.length === 0 || !inside) return 1;
    const share = (ms - inside.from) / (inside.to - inside.from);
    return inside.left + Math.max(0, share) * (inside.right - inside.left);
  }

  /** The time at a place from 0 to 1. */
  ms(x: number): number {
    const inside = this.stretches.find((stretch) => x <= stretch.right);
    if (!inside) return this.to;
    const share = (x - inside.left) / (inside.right - inside.left);
    return inside.from + Math.max(0, share) * (inside.to - inside.from);
  }
}

/** How long a silence lasts in a playback, at most. */
const SILENCE_MS = 700;

/** Where a playback stands that was at `ms` and goes on for `realMs`; silences pass quicker than the rest. */
export function advance(scale: Scale, ms: number, realMs: number, speed: number): number {
  let at = Math.max(ms, scale.from);
  let left = realMs;
  for (const stretch of scale.stretches) {
    if (stretch.to <= at) continue;
    const rate = stretch.idle ? Math.max(speed, (stretch.to - stretch.from) / SILENCE_MS) : speed;
    const passes = (stretch.to - at) / rate;
    if (passes > left) return at + left * rate;
    left -= passes;
    at = stretch.to;
  }
  return scale.to;
}

const SECOND = 1_000;
const HOUR = 60 * MINUTE;
const ROUND = [1, 5, 15, 30]
  .map((seconds) => seconds * SECOND)
  .concat(
    [1, 2, 5, 15, 30].map((minutes) => minutes * MINUTE),
    [1, 3, 6, 12, 24, 48, 168].map((hours) => hours * HOUR),
  );

export interface Ticks {
  times: number[];
  /** Between two of them where the scale is linear. */
  stepMs: number;
}

/** Round times (`zoneMs` from UTC) for the labels under a scale, at least `apart` pixels from each other. */
export function ticks(scale: Scale, width: number, zoneMs = 0, apart = 84): Ticks {
  const active = scale.stretches.reduce((sum, stretch) => sum + (stretch.idle ? 0 : stretch.to - stretch.from), 0);
  const stepMs = ROUND.find((step) => active / step <= width / apart) ?? ROUND.at(-1)!;
  const times: number[] = [];
  let before = -Infinity;
  for (const stretch of scale.stretches) {
    if (stretch.idle) continue;
    for (let time = Math.ceil((stretch.from + zoneMs) / stepMs) * stepMs - zoneMs; time <= stretch.to; time += stepMs) {
      const place = scale.x(time) * width;
      if (place - before < apart) continue;
      times.push(time);
      before = place;
    }
  }
  return { times, stepMs };
}
