// Measures in Chromium how long a change on disk takes to the changed pixel: renames a phase file, and notes when the frame
// arrives at the page's socket and when the picture that shows it was made. Called by `cargo xtask bench ui`; prints one
// JSON object a round. The times of both processes count from the same epoch (`performance.timeOrigin`).

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from '@playwright/test';

const [url, folder, name, rounds] = process.argv.slice(2);

/** Milliseconds since the epoch, finer than the wall clock. */
const now = () => performance.timeOrigin + performance.now();

const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });

let seen;
await page.exposeFunction('seen', (times) => seen(times));
await page.addInitScript(() => {
  const times = {};
  let awaited = '';
  const at = () => performance.timeOrigin + performance.now();
  globalThis.expectRound = (mark) => {
    awaited = mark;
    delete times.frame;
  };
  globalThis.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      // Registered before the page's own listener.
      this.addEventListener('message', ({ data }) => {
        if (awaited && times.frame === undefined && data.includes('"patch"') && data.includes(awaited)) times.frame = at();
      });
    }
  };
  const after = new MessageChannel();
  after.port1.onmessage = ({ data }) => globalThis.seen({ ...data, pixel: at() });
  new MutationObserver(() => {
    if (!awaited || !document.querySelector('[data-panel="pipeline"]')?.textContent.includes(awaited)) return;
    const said = { frame: times.frame, dom: at() };
    awaited = '';
    // The page changes in an animation frame: the task that follows it comes when its picture has been made.
    after.port2.postMessage(said);
  }).observe(document, { subtree: true, childList: true, characterData: true });
});

await page.goto(`${url}/session/${name}`);
await page.waitForSelector('[data-panel="pipeline"]');
await page.waitForSelector('[data-connection="live"]');

const file = join(folder, '.context-foundry', 'current-phase.json');
for (let round = 0; round < Number(rounds); round += 1) {
  const mark = `round ${round} of the picture.`;
  writeFileSync(
    `${file}.next`,
    JSON.stringify({
      session_id: name,
      current_phase: 'Builder',
      phase_number: '3/8',
      status: 'building',
      progress_detail: mark,
      test_iteration: 0,
      phases_completed: ['Scout', 'Architect'],
      started_at: '2026-01-31T08:00:00Z',
      last_updated: '2026-01-31T08:15:00Z',
    }),
  );
  await page.evaluate((text) => globalThis.expectRound(text), mark);
  const told = new Promise((done) => (seen = done));
  const begin = now();
  renameSync(`${file}.next`, file);
  const { frame, dom, pixel } = await told;
  console.log(JSON.stringify({ frame: frame - begin, dom: dom - begin, pixel: pixel - begin }));
  // Not in step with the screen, and quiet before the next.
  await pause(30 + Math.random() * 40);
}
await browser.close();
