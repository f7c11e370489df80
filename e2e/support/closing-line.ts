// Ends a run with one line that people and CI read: `N passed, N failed, N skipped`.

import type { Reporter, TestCase } from '@playwright/test/reporter';

export default class ClosingLine implements Reporter {
  readonly #outcomes = new Map<string, string>();

  onTestEnd(test: TestCase): void {
    this.#outcomes.set(test.id, test.outcome());
  }

  onEnd(): void {
    const outcomes = [...this.#outcomes.values()];
    const skipped = outcomes.filter((outcome) => outcome === 'skipped').length;
    const failed = outcomes.filter((outcome) => outcome === 'unexpected').length;
    console.log(`${outcomes.length - skipped - failed} passed, ${failed} failed, ${skipped} skipped`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
