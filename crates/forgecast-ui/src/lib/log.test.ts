import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filtered, LogBuffer, MOST_LINES, segments } from './log';
import type { LogLevel, LogLine } from './wire';

const line = (text: string, level?: LogLevel): LogLine => ({ offset: 0, at: '2026-01-31T08:15:00.000Z', text, ...(level && { level }) });
const many = (count: number) => Array.from({ length: count }, (_, at) => line(`line ${at}`));

describe('the lines that a tab holds', () => {
  it('are numbered as the server does', () => {
    const buffer = new LogBuffer();
    buffer.append(100, many(3), 0, true);
    buffer.append(103, many(1), 0, false);
    expect(buffer.lines.map(({ offset }) => offset)).toEqual([100, 101, 102, 103]);
    expect(buffer.first).toBe(100);
  });

  it('never become more than the limit, the oldest go', () => {
    const buffer = new LogBuffer();
    for (let at = 0; at < 5; at += 1) buffer.append(at * 6_000, many(6_000), 0, false);
    expect(buffer.lines).toHaveLength(MOST_LINES);
    expect(buffer.first).toBe(30_000 - MOST_LINES);
  });

  it('begin anew when they do not continue', () => {
    const buffer = new LogBuffer();
    buffer.append(0, many(3), 2, true);
    buffer.append(900, many(2), 0, true);
    expect(buffer.lines.map(({ offset }) => offset)).toEqual([900, 901]);
    expect(buffer.skipped).toBe(0);
  });

  it('take older lines in front, none twice', () => {
    const buffer = new LogBuffer();
    buffer.append(10, many(2), 0, true);
    buffer.prepend([8, 9, 10].map((offset) => ({ ...line('older'), offset })));
    expect(buffer.lines.map(({ offset }) => offset)).toEqual([8, 9, 10, 11]);
  });
});

describe('a filter', () => {
  const lines = [line('plain'), line('Cache miss', 'debug'), line('cache hit', 'warn'), line('boom', 'error')];

  it('of nothing hands on the same lines', () => {
    expect(filtered(lines, { level: 'debug', text: '  ' })).toBe(lines);
  });

  it('by level keeps lines without one only where everything ordinary is wanted', () => {
    expect(filtered(lines, { level: 'info', text: '' }).map(({ text }) => text)).toEqual(['plain', 'cache hit', 'boom']);
    expect(filtered(lines, { level: 'warn', text: '' }).map(({ text }) => text)).toEqual(['cache hit', 'boom']);
  });

  it('by text ignores case', () => {
    expect(filtered(lines, { level: 'debug', text: 'CACHE' })).toHaveLength(2);
  });
});

describe('the parts of a line', () => {
  it('carry their colours as classes', () => {
    expect(segments('ok done', [{ start: 0, end: 2, style: 'bold fg-2' }])).toEqual([
      { text: 'ok', classes: 'ansi-bold ansi-fg-2' },
      { text: ' done', classes: '' },
    ]);
  });

  it('never carry a class that is not a style', () => {
    expect(segments('x', [{ start: 0, end: 1, style: 'fg-16 fg-9 visually-hidden bg-1"' }])).toEqual([{ text: 'x', classes: 'ansi-fg-9' }]);
  });

  it('put together are the line, whatever the spans say', () => {
    const span = fc.record({ start: fc.integer({ min: -5, max: 40 }), end: fc.integer({ min: -5, max: 40 }), style: fc.string() });
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.array(span), (text, spans) => {
        expect(segments(text, spans).map((part) => part.text).join('')).toBe(text);
      }),
    );
  });

  it('of an endless line are cut', () => {
    const parts = segments('x'.repeat(300_000), undefined, 2_000);
    expect(parts.map(({ text }) => text.length)).toEqual([2_000, 2]);
  });
});
