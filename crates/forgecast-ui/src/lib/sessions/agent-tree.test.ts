import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withMainAgent, agentRows } from './agent-tree';
import type { SessionView } from '../generated/wire';

describe('the tree of agents', () => {
  it('puts those that were started below the one that started them', () => {
    const rows = agentRows({
      b: { status: 'active', parent: 'a', started_at: '2' },
      c: { status: 'active', parent: 'b', started_at: '3' },
      a: { status: 'active', started_at: '1' },
      d: { status: 'active', parent: 'a', started_at: '4' },
    });
    expect(rows.map(({ id, depth }) => `${id}${depth}`)).toEqual(['a0', 'b1', 'c2', 'd1']);
  });

  it('shows every agent exactly once, whatever the parents say', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'toString', 'nobody');
    const agents = fc.dictionary(id, fc.record({ status: fc.constant('active'), parent: id }));
    fc.assert(
      fc.property(agents, (given) => {
        expect(
          agentRows(given)
            .map((row) => row.id)
            .sort(),
        ).toEqual(Object.keys(given).sort());
      }),
    );
  });
});

describe('the family of agents', () => {
  const none = { input: 1, output: 1, cache_read: 0, cache_write: 0 };
  const usage = (ids: string[]) => ({
    ...none,
    priced: true,
    calls: 1,
    unpriced_calls: 0,
    disputed_calls: 0,
    by_agent: Object.fromEntries(ids.map((id) => [id, none])),
  });
  const view = (over: Partial<SessionView>): SessionView => ({ id: 'a~1', name: 'a', source: 'transcript', status: 'waiting', progress: {}, ...over });
  const shape = (over: Partial<SessionView>) => agentRows(withMainAgent(view(over))).map(({ id, depth }) => `${id}${depth}`);

  it('has the session’s own agent above its subagents, and theirs below them', () => {
    const agents = { s2: { status: 'active', parent: 's1', started_at: '2' }, s1: { status: 'active', started_at: '1' } };
    expect(shape({ agents })).toEqual(['main0', 's11', 's22']);
    expect(withMainAgent(view({ agents }))['main']?.status).toBe('idle');
  });

  it('takes in of a build only those whose tokens are told by transcripts', () => {
    const agents = { builder: { status: 'active' }, s1: { status: 'active' } };
    expect(shape({ source: 'live', agents, usage: usage(['main', 's1']) })).toEqual(['builder0', 'main0', 's11']);
    expect(shape({ source: 'live', agents, usage: usage(['s1']) })).toEqual(['builder0', 's10']);
  });

  it('leaves alone what has a main one already, and adds nobody to a session without agents', () => {
    const agents = { main: { status: 'active' }, s1: { status: 'active', parent: 'main' } };
    expect(shape({ agents })).toEqual(['main0', 's11']);
    expect(shape({ usage: usage(['main']) })).toEqual([]);
  });
});
