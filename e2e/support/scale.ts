// What tests of scale need: many sessions and lines made fast, and what the page's main thread and its nodes went through.

import type { Page } from '@playwright/test';

const AT_ONCE = 1_000;
const PHASES = ['Scout', 'Architect', 'Builder', 'Test'];

/** The name of the session with this number; the last one began last. */
export const named = (number: number): string => `build-${String(number).padStart(4, '0')}`;

/** Sends facts, many in one body; throws unless all were taken. */
export async function push(url: string, facts: readonly object[]): Promise<void> {
  for (let at = 0; at < facts.length; at += AT_ONCE) {
    const part = facts.slice(at, at + AT_ONCE);
    const answer = await fetch(`${url}/api/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(part),
    });
    const receipt = (await answer.json()) as { accepted?: number };
    if (receipt.accepted !== part.length) throw new Error(`${answer.status} ${JSON.stringify(receipt).slice(0, 300)}`);
  }
}

/** Makes so many sessions at work. */
export async function sessions(url: string, count: number): Promise<void> {
  const begun = Date.now() - 3_600_000;
  const facts = Array.from({ length: count }, (_, number) => ({
    session: named(number),
    type: 'phase_reported',
    phase: PHASES[number % PHASES.length],
    phase_number: `${(number % PHASES.length) + 1}/8`,
    status: 'in_progress',
    detail: `step ${number} of the weather application`,
    started_at: new Date(begun + number * 100).toISOString(),
  }));
  await push(url, facts);
}

/** Tokens of one call more. */
export const tokens = (session: string, output: number): object => ({ session, type: 'usage_recorded', output, calls: 1 });

/** Begins to count the page's long tasks, in milliseconds each. */
export async function watchTasks(page: Page): Promise<void> {
  await page.evaluate(() => {
    const tasks: number[] = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
    Object.assign(globalThis, { longTasks: tasks });
  });
}

/** The long tasks since the last time. */
export async function longTasks(page: Page): Promise<number[]> {
  // What is reported late belongs to what was done before.
  await page.waitForTimeout(150);
  return page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks.splice(0));
}

/**
 * Tasks of the page that need half of what makes a task long: how many of them become long because the machine is busy
 * with others. The page measures first, in its best moments, how much it gets done in a millisecond.
 */
async function peers(page: Page, count: number): Promise<number[]> {
  await page.evaluate(async (tasks) => {
    const spin = (turns: number): number => {
      let sum = 0;
      for (let at = 0; at < turns; at += 1) sum = (sum * 31 + at) % 1_000_003;
      return sum;
    };
    const TURNS = 20_000;
    const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
    let fastest = Infinity;
    for (let at = 0; at < 60; at += 1) {
      const begun = performance.now();
      spin(TURNS);
      fastest = Math.min(fastest, performance.now() - begun);
      if (at % 10 === 0) await pause(10);
    }
    const turns = Math.round((TURNS / Math.max(fastest, 0.01)) * 25);
    for (let at = 0; at < tasks; at += 1) {
      await pause(40);
      spin(turns);
    }
  }, count);
  return longTasks(page);
}

/**
 * The fewest long tasks of a few rounds of the same work, beside the most that became of tasks of half that length on the
 * same machine at the same time: a task that is long because others use the machine is not the page's.
 */
export async function fewestLongTasks(page: Page, rounds: number, work: () => Promise<void>): Promise<{ best: number[]; peer: number[] }> {
  let best: number[] | undefined;
  let peer: number[] = [];
  await watchTasks(page);
  for (let round = 0; round < rounds && best?.length !== 0; round += 1) {
    await work();
    const tasks = await longTasks(page);
    if (best === undefined || tasks.length < best.length) best = tasks;
    if (tasks.length === 0) break;
    const others = await peers(page, 30);
    if (others.length > peer.length) peer = others;
  }
  return { best: best ?? [], peer };
}

/** Begins to list which nodes of the page change. */
export async function watchNodes(page: Page): Promise<void> {
  await page.evaluate(() => {
    const changed: { kind: string; node: Node }[] = [];
    const observer = new MutationObserver((records) => {
      for (const { type, attributeName, target } of records) changed.push({ kind: attributeName ?? type, node: target });
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    Object.assign(globalThis, { changedNodes: changed });
  });
}

/** The nodes that changed since the last time, each once: what of it changed and where it stands. */
export async function changedNodes(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const changed = (globalThis as unknown as { changedNodes: { kind: string; node: Node }[] }).changedNodes.splice(0);
    const names = new Map<Node, Set<string>>();
    for (const { kind, node } of changed) names.set(node, (names.get(node) ?? new Set()).add(kind));
    const place = (node: Node): string => {
      const element = node instanceof Element ? node : node.parentElement;
      // What tells the time ticks by itself.
      if (element?.closest('.fresh, .when, [data-field="elapsed"], [data-ticks]')) return '';
      const row = element?.closest('[data-session]')?.getAttribute('data-session');
      const panel = element?.closest('[data-panel]')?.getAttribute('data-panel');
      return [row ?? panel ?? 'page', element?.className || element?.tagName.toLowerCase()].join(' ').replace(/ svelte-\w+/g, '');
    };
    return [...names].flatMap(([node, kinds]) => {
      const at = place(node);
      return at === '' ? [] : [...kinds].map((kind) => `${at}: ${kind}`);
    });
  });
}
