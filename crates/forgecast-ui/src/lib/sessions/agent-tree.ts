// Agents as a tree: parents before those that they started, each with its depth. Total, whatever the parents say: cycles
// and parents that do not exist become roots.

import type { AgentView, SessionView } from '../generated/wire';

export interface TreeRow {
  id: string;
  agent: AgentView;
  /** 0 for a root; at most `DEEPEST`. */
  depth: number;
}

const DEEPEST = 4;

export function agentRows(agents: Record<string, AgentView>): TreeRow[] {
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

/** The id under which the usage of the session's own agent stands. */
const MAIN = 'main';
const MAIN_STATUS: Partial<Record<SessionView['status'], string>> = {
  running: 'active',
  completed: 'completed',
  failed: 'failed',
};

/**
 * The agents of a session with the main one above those that it started. Transcripts name only subagents: the main one
 * is the session itself, and whoever names no parent was started by it.
 */
export function withMainAgent(view: Pick<SessionView, 'agents' | 'usage' | 'source' | 'status' | 'started_at' | 'ended_at'>): Record<string, AgentView> {
  const agents = view.agents ?? {};
  const used = view.usage?.by_agent ?? {};
  const whole = view.source === 'transcript';
  if (Object.hasOwn(agents, MAIN) || Object.keys(agents).length === 0) return agents;
  if (!whole && !Object.hasOwn(used, MAIN)) return agents;
  const withMainAgent: Record<string, AgentView> = {
    [MAIN]: {
      name: MAIN,
      status: MAIN_STATUS[view.status] ?? 'idle',
      ...(view.started_at !== undefined && { started_at: view.started_at }),
      ...(view.ended_at !== undefined && { ended_at: view.ended_at }),
    },
  };
  for (const [id, agent] of Object.entries(agents)) {
    const orphan = agent.parent === undefined || !Object.hasOwn(agents, agent.parent);
    const ours = whole || Object.hasOwn(used, id);
    withMainAgent[id] = orphan && ours ? { ...agent, parent: MAIN } : agent;
  }
  return withMainAgent;
}
