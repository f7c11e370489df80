// What every test of the dashboard checks besides its own subject: no script error, no violation of the content security
// policy, no dialog.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test as base, type Page } from '@playwright/test';
import { Forgecast } from './forgecast.ts';

interface Shared {
  /** The address of a real server that gives its dashboard to mocks. */
  assets: string;
}

interface Watched {
  /** What went wrong in the page so far. */
  complaints: string[];
}

export const test = base.extend<Watched, Shared>({
  assets: [
    // Playwright reads the names of what a fixture needs from this pattern.
    async ({}, use) => {
      const forgecast = new Forgecast();
      await forgecast.start();
      await use(forgecast.url);
      await forgecast.remove();
    },
    { scope: 'worker' },
  ],

  complaints: [
    async ({ context }, use) => {
      const complaints: string[] = [];
      // Every tab of the test, not only the one that it is given.
      context.on('page', (page) => listen(page, complaints));
      await context.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          console.error(`Content Security Policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
        });
      });
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

function listen(page: Page, complaints: string[]): void {
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    const text = message.text();
    if (/content.security.policy|trusted.?type/i.test(text)) complaints.push(`policy: ${text}`);
  });
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong on the page, one line each; the rules of WCAG 2.2 A and AA. */
export async function axeViolations(page: Page): Promise<string[]> {
  // Evaluated by the debugger, not by the page: the content security policy stays in force.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const run = (globalThis as unknown as { axe: { run(context: Document, options: object): Promise<AxeResult> } }).axe;
    interface AxeResult {
      violations: { id: string; nodes: { target: unknown[]; failureSummary?: string }[] }[];
    }
    const result = await run.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return result.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary ?? ''}`));
  });
}

export { expect };
