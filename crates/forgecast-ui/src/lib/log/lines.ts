// What is worked out of a log line: whether it matches a filter, as the server decides it, and its parts by color and
// by what is searched for. Pure.

import type { Query } from '../api/client';
import type { LogLevel, LogLine, Span } from '../generated/wire';

/** What is asked of a log on the server. */
export type LogQuery = Query<'/api/v1/sessions/{id}/log'>;
export type LogFilterQuery = Pick<LogQuery, 'level' | 'q'>;

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LogFilter {
  /** The lowest level that is shown; a line that names none counts as `info`. */
  level: LogLevel;
  text: string;
}

/** Whether a filter lets everything through. */
export function passesEverything(filter: LogFilter): boolean {
  return RANK[filter.level] === 0 && filter.text === '';
}

/** The same decision as the server's. */
export function passes(line: LogLine, filter: LogFilter): boolean {
  return RANK[line.level ?? 'info'] >= RANK[filter.level] && (filter.text === '' || line.text.toLowerCase().includes(filter.text.toLowerCase()));
}

/** The question for the server. */
export function filterQuery(filter: LogFilter): LogFilterQuery {
  return { ...(RANK[filter.level] > 0 && { level: filter.level }), ...(filter.text !== '' && { q: filter.text }) };
}

export interface Segment {
  text: string;
  /** CSS classes, space-separated; empty for plain text. */
  classes: string;
  /** Whether it is what was searched for. */
  found?: boolean;
}

const STYLE = /^(bold|dim|italic|underline|(?:fg|bg)-(?:\d|1[0-5]))$/;
/** Places in one line that are marked. */
const MAX_MARKED = 100;

/** A line cut at its spans, at most `limit` UTF-16 units of it. Spans that overlap or lie outside are cut to fit. */
export function segments(text: string, spans: readonly Span[] | undefined, limit = 4_000, search = ''): Segment[] {
  const end = cut(text, limit);
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
  const shown = marked(parts, places(text.slice(0, end), search), search.length);
  if (end < text.length) shown.push({ text: ' …', classes: 'cut' });
  return shown;
}

/** Where to end within `limit` without dividing a character of two units. */
function cut(text: string, limit: number): number {
  if (text.length <= limit) return text.length;
  const last = text.charCodeAt(limit - 1);
  return last >= 0xd800 && last < 0xdc00 ? limit - 1 : limit;
}

/** Where `search` stands in the text, whatever the case. */
function places(text: string, search: string): number[] {
  const [hay, needle] = [text.toLowerCase(), search.toLowerCase()];
  const found: number[] = [];
  // A letter whose small form has another length would shift all places behind it: better no mark than a wrong one.
  if (search === '' || hay.length !== text.length || needle.length !== search.length) return found;
  for (let at = hay.indexOf(needle); at >= 0 && found.length < MAX_MARKED; at = hay.indexOf(needle, at + needle.length)) found.push(at);
  return found;
}

function marked(parts: Segment[], found: readonly number[], length: number): Segment[] {
  if (found.length === 0) return parts;
  const out: Segment[] = [];
  let begin = 0;
  let next = 0;
  for (const part of parts) {
    const end = begin + part.text.length;
    let at = begin;
    while (at < end) {
      while (next < found.length && found[next]! + length <= at) next += 1;
      const from = found[next] ?? Infinity;
      const inside = from <= at;
      const to = Math.min(end, inside ? from + length : from);
      out.push({ text: part.text.slice(at - begin, to - begin), classes: part.classes, ...(inside && { found: true }) });
      at = to;
    }
    begin = end;
  }
  return out;
}

/** What a line of an agent's transcript is, by the form in which the server writes it. */
export type LineKind = 'prompt' | 'tool' | 'result' | 'said';

/** The tools of Claude Code and of Codex, and those of MCP servers. Any other line is taken for words. */
const TOOL = new RegExp(
  '^(?:mcp__\\S+|Agent|AskUserQuestion|Bash|BashOutput|Edit|ExitPlanMode|Glob|Grep|KillShell|LS|MultiEdit|NotebookEdit|Read|Skill|Task|TodoWrite' +
    '|WebFetch|WebSearch|Write|apply_patch|exec_command|shell|update_plan|view_image|web_search|write_stdin)(?: |$)',
);

export function kindOf({ text, level }: LogLine): LineKind {
  if (text.startsWith('› ')) return 'prompt';
  if (level === 'error') return 'result';
  return TOOL.test(text) ? 'tool' : 'said';
}

/** The level, where it matters and the line does not say it itself. */
export function levelToShow({ text, level }: LogLine): LogLevel | undefined {
  if (level !== 'warn' && level !== 'error') return undefined;
  return new RegExp(level, 'i').test(text.slice(0, 60)) ? undefined : level;
}
