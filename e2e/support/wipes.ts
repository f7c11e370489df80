// Notes whether a panel that was there is ever taken away, made anew or emptied: nothing that is shown may be wiped while a
// page reconnects.

import type { Page } from '@playwright/test';

type Noted = typeof globalThis & { wiped: string[] };

/** Begins to look; every panel that is there now has to stay. */
export async function lookForWipes(page: Page): Promise<void> {
  await page.evaluate(() => {
    const wiped: string[] = [];
    (globalThis as Noted).wiped = wiped;
    const held = new Map([...document.querySelectorAll<HTMLElement>('[data-panel]')].map((panel) => [panel.dataset['panel'] ?? '', panel]));
    if (held.size < 2) wiped.push('there was nothing to look at');
    new MutationObserver(() => {
      for (const [name, panel] of held) {
        if (!panel.isConnected) wiped.push(`${name} was taken away`);
        else if ((panel.textContent ?? '').trim() === '') wiped.push(`${name} was emptied`);
        else if (name === 'log' && !panel.querySelector('.line')) wiped.push('the log lost its lines');
      }
    }).observe(document.body, { subtree: true, childList: true });
  });
}

/** What was seen to be wiped since. */
export async function wipes(page: Page): Promise<string[]> {
  return page.evaluate(() => (globalThis as Noted).wiped);
}
