// The lines of one log that this tab holds: the newest, capped, numbered without gaps except where the server skipped.
// Also cuts a line into its styled parts and filters. Pure; the page is told of changes by whoever calls.

import type { LogLevel, LogLine, Span } from './wire';

/** Lines kept in the tab; older ones are fetched again when somebody scrolls up to them. */
export const MOST_LINES = 20_000;

export class LogBuffer {
  lines: LogLine[] = [];
  /** Lines that the server left out in the midst of what is held. */
  skipped = 0;

  /** The number of the first line that is held. */
  get first(): number {
    return this.lines[0]?.offset ?? 0;
  }

  append(offset: number, lines: readonly LogLine[], skipped: number, fresh: boolean): void {
    if (fresh) {
      this.lines = [];
      this.skipped = 0;
    }
    this.skipped += skipped;
    lines.forEach((line, at) => this.lines.push({ ...line, offset: offset + at }));
    if (this.lines.length > MOST_LINES) this.lines.splice(0, this.lines.length - MOST_LINES);
  }

  /** Puts older lines before what is held. */
  prepend(lines: readonly LogLine[]): void {
    const older = lines.filter((line) => line.offset < this.first);
    this.lines = [...older, ...this.lines];
  }
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LogFilter {
  /** The lowest level that is shown; lines that name none are shown unless only warnings or errors are wanted. */
  level: LogLevel;
  text: string;
}

export function filtered(lines: readonly LogLine[], filter: LogFilter): readonly LogLine[] {
  const text = filter.text.trim().toLowerCase();
  const rank = RANK[filter.level];
  if (rank === 0 && text === '') return lines;
  return lines.filter(
    (line) =>
      (line.level === undefined ? rank <= RANK.info : RANK[line.level] >= rank) &&
      (text === '' || line.text.toLowerCase().includes(text)),
  );
}

export interface Segment {
  text: string;
  /** CSS classes, space-separated; empty for plain text. */
  classes: string;
}

const STYLE = /^(bold|dim|italic|underline|(?:fg|bg)-(?:\d|1[0-5]))$/;

/** A line cut at its spans, at most `limit` UTF-16 units of it. Spans that overlap or lie outside are cut to fit. */
export function segments(text: string, spans: readonly Span[] | undefined, limit = 4_000): Segment[] {
  const end = Math.min(text.length, limit);
  const parts: Segment[] = [];
  let at = 0;
  for (const span of spans ?? []) {
    const from = Math.max(at, Math.min(span.start, end));
    const to = Math.max(from, Math.min(span.end, end));
    if (to === from) continue;
    if (from > at) parts.push({ text: text.slice(at, from), classes: '' });
    const classes = span.style
      .split(' ')
      .filter((word) => STYLE.test(word))
      .map((word) => `ansi-${word}`)
      .join(' ');
    parts.push({ text: text.slice(from, to), classes });
    at = to;
  }
  if (at < end) parts.push({ text: text.slice(at, end), classes: '' });
  if (end < text.length) parts.push({ text: ' …', classes: 'cut' });
  return parts;
}
