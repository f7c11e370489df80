import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filterQuery, kindOf, levelToShow, passesEverything, passes, segments } from './lines';
import type { LogLevel, LogLine } from '../generated/wire';

const line = (text: string, level?: LogLevel): LogLine => ({ offset: 0, at: '2026-01-31T08:15:00.000Z', text, ...(level && { level }) });

describe('a filter', () => {
  const lines = [line('plain'), line('Cache miss', 'debug'), line('cache hit', 'warn'), line('boom', 'error')];
  const passing = (level: LogLevel, text: string) => lines.filter((one) => passes(one, { level, text })).map((one) => one.text);

  it('of nothing lets everything through', () => {
    expect(passesEverything({ level: 'debug', text: '' })).toBe(true);
    expect(passing('debug', '')).toHaveLength(4);
  });

  it('by level takes a line without one for information, as the server does', () => {
    expect(passing('info', '')).toEqual(['plain', 'cache hit', 'boom']);
    expect(passing('warn', '')).toEqual(['cache hit', 'boom']);
  });

  it('by text ignores case', () => {
    expect(passing('debug', 'CACHE')).toEqual(['Cache miss', 'cache hit']);
    expect(passing('info', 'CACHE')).toEqual(['cache hit']);
  });

  it('is asked of the server as far as it filters', () => {
    expect(filterQuery({ level: 'debug', text: '' })).toEqual({});
    expect(filterQuery({ level: 'warn', text: 'a b' })).toEqual({ level: 'warn', q: 'a b' });
  });
});

describe('the parts of a line', () => {
  it('carry their colors as classes', () => {
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
        expect(
          segments(text, spans)
            .map((part) => part.text)
            .join(''),
        ).toBe(text);
      }),
    );
  });

  it('of an endless line are cut', () => {
    const parts = segments('x'.repeat(300_000), undefined, 2_000);
    expect(parts.map(({ text }) => text.length)).toEqual([2_000, 2]);
  });

  it('that are searched for are marked, also across colors', () => {
    expect(segments('an Error here', [{ start: 3, end: 6, style: 'fg-1' }], 100, 'error')).toEqual([
      { text: 'an ', classes: '' },
      { text: 'Err', classes: 'ansi-fg-1', found: true },
      { text: 'or', classes: '', found: true },
      { text: ' here', classes: '' },
    ]);
    expect(segments('aaa', undefined, 100, 'a').filter((part) => part.found)).toHaveLength(3);
  });

  it('marked or not put together are the line, and what is marked is what was searched for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'B', 'b', ' ', 'ß', 'İ', '🙂'), maxLength: 40 });
    const span = fc.record({ start: fc.integer({ min: -5, max: 40 }), end: fc.integer({ min: -5, max: 40 }), style: fc.constant('fg-1') });
    fc.assert(
      fc.property(text, fc.array(span), fc.constantFrom('a', 'ab', 'B ', 'ß'), (line, spans, search) => {
        const parts = segments(line, spans, 4_000, search);
        expect(parts.map((part) => part.text).join('')).toBe(line);
        const marked = parts
          .filter((part) => part.found)
          .map((part) => part.text)
          .join('')
          .toLowerCase();
        expect(marked.length % search.length).toBe(0);
        expect(marked).toBe(search.toLowerCase().repeat(marked.length / search.length));
      }),
    );
  });

  it('do not end within a character of two units', () => {
    expect(segments('🙂🙂', undefined, 3)[0]!.text).toBe('🙂');
  });
});

describe('what a line of a transcript is', () => {
  const at = '2026-01-31T12:00:00.000Z';
  const kind = (text: string, level?: LogLine['level']) => kindOf({ offset: 0, at, text, ...(level && { level }) });

  it('is known by its form', () => {
    expect([kind('› Fix it'), kind('Bash npm test'), kind('mcp__db__query select 1'), kind('Bash failed: 1', 'error'), kind('Fixed it all.')]).toEqual([
      'prompt',
      'tool',
      'tool',
      'result',
      'said',
    ]);
  });

  it('has its level shown where it matters and is not said', () => {
    const shown = (text: string, level: LogLine['level'] & string) => levelToShow({ offset: 0, at, text, level });
    expect([shown('it broke', 'error'), shown('AssertionError: 1', 'error'), shown('slow', 'warn'), shown('WARN slow', 'warn'), shown('x', 'info')]).toEqual([
      'error',
      undefined,
      'warn',
      undefined,
      undefined,
    ]);
  });
});
