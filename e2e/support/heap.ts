// What a page holds on to, as its browser counts it after everything that can be collected was.

import type { Page } from '@playwright/test';

export interface Held {
  /** Bytes of the script's heap that are in use. */
  heap: number;
  /** Nodes of the document and of what still refers to them. */
  nodes: number;
  listeners: number;
}

/** Collects what can be collected, then counts. */
export async function held(page: Page): Promise<Held> {
  const debug = await page.context().newCDPSession(page);
  try {
    await debug.send('Performance.enable');
    // Twice: the first run lets go of what only finalisers and weak references held.
    await debug.send('HeapProfiler.collectGarbage');
    await debug.send('HeapProfiler.collectGarbage');
    const { usedSize } = await debug.send('Runtime.getHeapUsage');
    const { metrics } = await debug.send('Performance.getMetrics');
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    return { heap: usedSize, nodes: of('Nodes'), listeners: of('JSEventListeners') };
  } finally {
    await debug.detach();
  }
}
