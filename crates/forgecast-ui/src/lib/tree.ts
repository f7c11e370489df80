// Agents as a tree: parents before those that they started, each with its depth. Total, whatever the parents say: cycles
// and parents that do not exist become roots.

import type { AgentView } from './wire';

export interface TreeRow {
  id: string;
  agent: AgentView;
  /** 0 for a root; at most `DEEPEST`. */
  depth: number;
}

const DEEPEST = 4;

export function tree(agents: Record<string, AgentView>): TreeRow[] {
  const begun = (id: string) => agents[id]?.started_at ?? '';
  const ids = Object.keys(agents).sort((a, b) => (begun(a) < begun(b) ? -1 : begun(a) > begun(b) ? 1 : a < b ? -1 : 1));
  const children = new Map<string, string[]>();
  const roots: string[] = [];
  for (const id of ids) {
    const parent = agents[id]?.parent;
    if (parent === undefined || parent === id || !Object.hasOwn(agents, parent)) roots.push(id);
    else children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  const rows: TreeRow[] = [];
  const seen = new Set<string>();
  const visit = (first: string) => {
    // A stack of its own: a chain of five hundred agents must not exhaust the call stack.
    const stack: [string, number][] = [[first, 0]];
    for (let next = stack.pop(); next; next = stack.pop()) {
      const [id, depth] = next;
      const agent = agents[id];
      if (!agent || seen.has(id)) continue;
      seen.add(id);
      rows.push({ id, agent, depth: Math.min(depth, DEEPEST) });
      for (const child of (children.get(id) ?? []).toReversed()) stack.push([child, depth + 1]);
    }
  };
  roots.forEach(visit);
  ids.forEach(visit);
  return rows;
}
