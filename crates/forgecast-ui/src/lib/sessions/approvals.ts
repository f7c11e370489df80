// What an agent asks to be allowed, as it is shown to the person who answers: all of it, with nothing in it that the eye
// cannot see or that moves what it can. Pure.

import type { Approval, ApprovalAnswer } from '../generated/wire';

/** One line of what is asked for. */
export interface ShownLine {
  kind: 'name' | 'text' | 'removed' | 'added';
  text: string;
}

/** What the eye cannot see, or what changes the order of what it does: controls, formats, foreign spaces, unassigned. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** A line with everything in it visible: `ls \u{202E}x` is `ls ⟨U+202E⟩x`. */
export function visible(line: string): string {
  return line.replace(HIDDEN, (letter) => `⟨U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** The whole input, field by field; what an edit takes away and puts in its place as a diff. */
export function shownLines(input: unknown): ShownLine[] {
  const fields = typeof input === 'object' && input !== null ? Object.entries(input as Record<string, unknown>) : [['', input] as const];
  return fields.flatMap(([name, value]) => {
    const kind = name === 'old_string' ? 'removed' : name === 'new_string' ? 'added' : 'text';
    const text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');
    const lines = text.split('\n').map((line): ShownLine => ({ kind, text: visible(line) }));
    return [{ kind: 'name', text: visible(name) } as const, ...lines];
  });
}

/** The answer to what was shown, and to nothing else. */
export function answerTo(shown: Approval, allow: boolean, reason = ''): ApprovalAnswer {
  const answer: ApprovalAnswer = { id: shown.id, digest: shown.digest, allow };
  const why = reason.trim();
  return allow || why === '' ? answer : { ...answer, reason: why };
}
