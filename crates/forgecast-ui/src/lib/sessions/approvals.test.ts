import { describe, expect, it } from 'vitest';
import { answerTo, shownLines, visible } from './approvals';

describe('what is asked for', () => {
  it('is shown whole, and an edit as a diff', () => {
    const long = `echo ${'x'.repeat(5_000)}`;
    expect(shownLines({ command: long })).toEqual([
      { kind: 'name', text: 'command' },
      { kind: 'text', text: long },
    ]);
    expect(shownLines({ file_path: 'a.rs', old_string: 'one\ntwo', new_string: '', replace_all: true })).toEqual([
      { kind: 'name', text: 'file_path' },
      { kind: 'text', text: 'a.rs' },
      { kind: 'name', text: 'old_string' },
      { kind: 'removed', text: 'one' },
      { kind: 'removed', text: 'two' },
      { kind: 'name', text: 'new_string' },
      { kind: 'added', text: '' },
      { kind: 'name', text: 'replace_all' },
      { kind: 'text', text: 'true' },
    ]);
  });

  it('hides nothing: what cannot be seen or turns the text around is named', () => {
    expect(visible('rm \u202E-rf\u200B /\u00A0\r\u001b[2K')).toBe('rm ⟨U+202E⟩-rf⟨U+200B⟩ /⟨U+00A0⟩⟨U+000D⟩⟨U+001B⟩[2K');
    expect(visible('naïve “quotes” 日本 🎉')).toBe('naïve “quotes” 日本 🎉');
    expect(shownLines({ '\u2066command': 'a\u2028b' }).map((line) => line.text)).toEqual(['⟨U+2066⟩command', 'a⟨U+2028⟩b']);
  });
});

describe('an answer', () => {
  const shown = { id: '1', digest: 'd', tool: 'Bash', input: {}, asked_at: '', ends_at: '' };

  it('names the request and what was shown, and a reason only when it denies', () => {
    expect(answerTo(shown, true, 'no')).toEqual({ id: '1', digest: 'd', allow: true });
    expect(answerTo(shown, false, ' ')).toEqual({ id: '1', digest: 'd', allow: false });
    expect(answerTo(shown, false, ' use the test database ')).toEqual({ id: '1', digest: 'd', allow: false, reason: 'use the test database' });
  });
});
