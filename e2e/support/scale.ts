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

interface Traced {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Time on the processor, microseconds. */
  tdur?: number;
  dur?: number;
  args?: { name?: string };
}

/** What one round of work cost the page's main thread: its tasks beyond 50 ms, in milliseconds. */
export interface LongTasks {
  /** By the time that the processor spent on them: what others do on the machine does not make these longer. */
  processor: number[];
  /** By the clock, as a visitor of this machine saw them. */
  clock: number[];
}

const LONG_US = 50_000;

async function traced(page: Page, work: () => Promise<void>): Promise<LongTasks> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
  await work();
  const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: Traced[] };
  const thread = ({ pid, tid }: Traced) => `${pid}/${tid}`;
  const named = traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain');
  const main = new Set(named.map(thread));
  const tasks = traceEvents.filter((event) => event.ph === 'X' && event.name.endsWith('RunTask') && main.has(thread(event)));
  // Without these there would be nothing to find.
  if (!tasks.some(({ tdur }) => tdur !== undefined)) throw new Error(`no task with its time among ${traceEvents.length} events`);
  const long = (time: (event: Traced) => number) =>
    tasks
      .map(time)
      .filter((us) => us > LONG_US)
      .map((us) => Math.round(us / 1_000));
  return { processor: long(({ tdur }) => tdur ?? 0), clock: long(({ dur }) => dur ?? 0) };
}

/** The fewest long tasks of a few rounds of the same work. */
export async function fewestLongTasks(page: Page, rounds: number, work: () => Promise<void>): Promise<LongTasks> {
  let best = await traced(page, work);
  for (let round = 1; round < rounds && best.processor.length > 0; round += 1) {
    const tasks = await traced(page, work);
    if (tasks.processor.length < best.processor.length) best = tasks;
  }
  return best;
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
