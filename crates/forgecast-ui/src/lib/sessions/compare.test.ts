import { describe, expect, it } from 'vitest';
import { agentKinds, elapsed, factLines, longestPhase, modelLines, uniqueDecisions, phaseLines, testRunLines } from './compare';
import type { SessionView, UsageShare } from '../generated/wire';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const at = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();
const share = (input: number): UsageShare => ({ input, output: 0, cache_read: 0, cache_write: 0 });

function view(over: Partial<SessionView> = {}): SessionView {
  return {
    id: 'shop~1',
    name: 'shop',
    source: 'live',
    status: 'completed',
    progress: {},
    started_at: at(60),
    ended_at: at(20),
    phases: {
      Scout: { order: 1, status: 'completed', attempts: 1, started_at: at(60), ended_at: at(50) },
      Builder: { order: 3, status: 'completed', attempts: 2, started_at: at(50), ended_at: at(20) },
    },
    ...over,
  };
}

describe('two sessions', () => {
  it('have their phases aligned, also those that only one of them has', () => {
    const other = view({
      phases: {
        Scout: { order: 1, status: 'completed', attempts: 1, started_at: at(40), ended_at: at(30) },
        Test: { order: 4, status: 'failed', attempts: 1, started_at: at(30), ended_at: at(25) },
      },
    });
    const lines = phaseLines(view(), other, NOW);
    expect(lines.map(({ name, differs }) => [name, differs])).toEqual([
      ['Scout', false],
      ['Builder', true],
      ['Test', true],
    ]);
    expect(lines[1]!.b).toBeUndefined();
    expect(longestPhase(lines)).toBe(30 * 60_000);
  });

  it('are measured to now while they are at work, and to their last work when nobody stated an end', () => {
    const running = view({ status: 'running', phases: { Test: { order: 4, status: 'active', attempts: 1, started_at: at(5) } } });
    expect(elapsed(running, NOW)).toBe(60 * 60_000);
    expect(phaseLines(running, undefined, NOW)[0]!.a!.ms).toBe(5 * 60_000);
    const { ended_at, ...open } = view({ status: 'abandoned', last_work_at: at(30) });
    void ended_at;
    expect(elapsed(open, NOW)).toBe(30 * 60_000);
  });

  it('are marked where they differ, and where one did better', () => {
    const usage = (cost_usd: number) => ({ ...share(1_000), cost_usd, priced: true, calls: 3, unpriced_calls: 0, disputed_calls: 0 });
    const lines = factLines(view({ usage: usage(2) }), view({ usage: usage(1.5), ended_at: at(19) }), NOW);
    const line = (label: string) => lines.find((one) => one.label === label)!;
    expect(line('Cost')).toMatchObject({ a: '$2.00', b: '$1.50', differs: true, better: 'b' });
    expect(line('Tokens')).toMatchObject({ differs: false, better: undefined });
    // A minute in forty is no difference.
    expect(line('Duration').differs).toBe(false);
    expect(lines.some(({ label }) => label === 'Agents')).toBe(false);
  });

  it('are not told apart by effort when one of them failed', () => {
    const usage = { ...share(1_000), cost_usd: 1, priced: true, calls: 3, unpriced_calls: 0, disputed_calls: 0 };
    const lines = factLines(view({ usage }), view({ usage: { ...usage, cost_usd: 0.1 }, status: 'failed' }), NOW);
    expect(lines.find(({ label }) => label === 'Cost')).toMatchObject({ differs: true, better: undefined });
    expect(lines.find(({ label }) => label === 'Status')).toMatchObject({ a: 'completed', b: 'failed', differs: true });
  });

  it('differ in nothing as long as one of them is not there', () => {
    expect(factLines(view(), undefined, NOW).some(({ differs }) => differs)).toBe(false);
  });

  it('have their models, rounds, agents and decisions side by side', () => {
    const usage = (by_model: Record<string, UsageShare>) => ({ ...share(1), by_model, priced: true, calls: 0, unpriced_calls: 0, disputed_calls: 0 });
    const a = view({
      usage: usage({ opus: share(5), haiku: share(90) }),
      tests: { iterations: { 1: { passed: 3 }, 10: { passed: 9 } } },
      agents: { x: { type: 'builder', status: 'active' }, y: { type: 'builder', status: 'failed' }, z: { status: 'active' } },
      decisions: { total: 2, lessons_used: 0, recent: { 1: { title: 'Cache by unit', at: at(9) }, 2: { title: 'Fake timers', at: at(3) } } },
    });
    const b = view({
      usage: usage({ opus: share(50) }),
      tests: { iterations: { 2: { passed: 4 } } },
      decisions: { total: 1, lessons_used: 0, recent: { 9: { title: 'Cache by unit' } } },
    });
    expect(modelLines(a, b).map(({ name }) => name)).toEqual(['haiku', 'opus']);
    expect(testRunLines(a, b).map(({ round }) => round)).toEqual([1, 2, 10]);
    expect(agentKinds(a)).toEqual(['2 builder (1 failed)', '1 agent']);
    expect(uniqueDecisions(a, b, 5)).toEqual(['Fake timers']);
    expect(uniqueDecisions(b, a, 5)).toEqual([]);
  });
});
