// Two sessions beside each other: the same things of both, aligned, and which of them differ. Pure: now is an argument.

import { count, duration, exact, millis, money, percent, plural } from '../format';
import { ordered } from './phases';
import { atWork } from './status';
import { total } from '../usage/usage';
import type { PhaseStatus, SessionView, TestIteration, UsageShare } from '../generated/wire';

/** The same thing of both; undefined where one of them does not say. */
export interface Pair<T> {
  a: T | undefined;
  b: T | undefined;
}

/** One line of facts. */
export interface FactLine extends Pair<string> {
  label: string;
  /** What the tooltip says of each. */
  titles: Pair<string>;
  /** Whether they differ: in what is shown, not in its tail. */
  differs: boolean;
  /** Which of the two did better, where more or less is better at all. */
  better: 'a' | 'b' | undefined;
}

export interface PhasePart {
  status: PhaseStatus;
  attempts: number;
  /** Milliseconds; undefined when it is not known. */
  ms: number | undefined;
}

export interface PhaseLine extends Pair<PhasePart> {
  name: string;
  differs: boolean;
}

export interface ShareLine extends Pair<UsageShare> {
  name: string;
}

export interface TestRunLine extends Pair<TestIteration> {
  round: number;
}

/** Durations that differ by less than this share, or by less than a second, are as good as equal. */
const CLOSE = 0.05;

/** From the beginning to the end, or to now. */
export function elapsed(view: SessionView, now: number): number | undefined {
  const from = millis(view.started_at);
  const to = atWork(view) ? now : millis(view.ended_at ?? view.last_work_at);
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from);
}

function phasePart(view: SessionView | undefined, name: string, now: number): PhasePart | undefined {
  const phase = view?.phases?.[name];
  if (view === undefined || phase === undefined) return undefined;
  const from = millis(phase.started_at);
  const until = phase.status === 'active' ? (atWork(view) ? now : millis(view.ended_at ?? view.last_work_at)) : millis(phase.ended_at);
  const ms = from === undefined || until === undefined ? undefined : Math.max(0, until - from);
  return { status: phase.status, attempts: phase.attempts, ms };
}

function nearlyEqual(a: number | undefined, b: number | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Math.abs(a - b) < Math.max(1_000, Math.max(a, b) * CLOSE);
}

/** The phases of both in the order of the pipeline, the same ones on one line. */
export function phaseLines(a: SessionView | undefined, b: SessionView | undefined, now: number): PhaseLine[] {
  const merged = { ...b?.phases, ...a?.phases };
  return ordered(merged).map(([name]) => {
    const [one, other] = [phasePart(a, name, now), phasePart(b, name, now)];
    const same = one?.status === other?.status && one?.attempts === other?.attempts && nearlyEqual(one?.ms, other?.ms);
    return { name, a: one, b: other, differs: !same };
  });
}

/** The longest phase of either: what bars are measured against. */
export function longestPhase(lines: readonly PhaseLine[]): number {
  return lines.reduce((most, { a, b }) => Math.max(most, a?.ms ?? 0, b?.ms ?? 0), 0);
}

interface Rule {
  label: string;
  of: (view: SessionView, now: number) => number | string | undefined;
  /** How a number is shown. */
  as?: (value: number) => string;
  /** In full. */
  full?: (value: number) => string;
  /** Whether less or more of it is better. Less effort is, where both came to the same end. */
  better?: 'less' | 'more';
  effort?: boolean;
  /** Numbers that are about equal are equal. */
  about?: boolean;
}

const tests = (view: SessionView) => view.tests?.summary;

const RULES: readonly Rule[] = [
  { label: 'Status', of: (view) => view.status_word ?? view.status },
  { label: 'Project', of: (view) => view.project },
  { label: 'Duration', of: elapsed, as: duration, better: 'less', effort: true, about: true },
  { label: 'Cost', of: (view) => view.usage?.cost_usd, as: money, better: 'less', effort: true },
  { label: 'Tokens', of: (view) => view.usage && total(view.usage), as: count, full: exact, better: 'less', effort: true },
  { label: 'Output tokens', of: (view) => view.usage?.output, as: count, full: exact, better: 'less', effort: true },
  { label: 'Model calls', of: (view) => view.usage?.calls || undefined, as: exact, better: 'less', effort: true },
  { label: 'Test runs', of: (view) => view.tests?.iteration, as: exact, better: 'less' },
  { label: 'Tests passed', of: (view) => tests(view)?.passed, as: exact, better: 'more' },
  { label: 'Tests failed', of: (view) => tests(view)?.failed, as: exact, better: 'less' },
  { label: 'Progress', of: (view) => view.progress.percent, as: percent, better: 'more' },
  { label: 'Tasks done', of: (view) => view.progress.tasks_completed, as: exact },
  { label: 'Retries', of: loops, as: exact, better: 'less' },
  { label: 'Agents', of: (view) => (view.agents ? Object.keys(view.agents).length : undefined), as: exact },
  { label: 'Decisions', of: (view) => view.decisions?.total, as: exact },
  { label: 'Decision quality', of: (view) => view.decisions?.avg_quality, as: (value) => value.toFixed(1), better: 'more' },
  { label: 'Lessons applied', of: (view) => view.decisions?.lessons_used, as: exact, better: 'more' },
  { label: 'Errors', of: (view) => (view.errors ? Object.keys(view.errors).length : undefined), as: exact, better: 'less' },
];

/** How often a phase was gone back to. */
function loops(view: SessionView): number | undefined {
  if (view.phases === undefined) return undefined;
  return Object.values(view.phases).reduce((sum, { attempts }) => sum + Math.max(0, attempts - 1), 0);
}

/** What can be said of both in a line each; what neither of them says is left out. */
export function factLines(a: SessionView | undefined, b: SessionView | undefined, now: number): FactLine[] {
  return RULES.flatMap((rule): FactLine[] => {
    const [one, other] = [a && rule.of(a, now), b && rule.of(b, now)];
    if (one === undefined && other === undefined) return [];
    const show = (value: number | string | undefined) => (typeof value === 'number' ? (rule.as ?? String)(value) : value);
    const title = (value: number | string | undefined) => (typeof value === 'number' ? rule.full?.(value) : undefined);
    const both = a !== undefined && b !== undefined;
    const numbers = typeof one === 'number' && typeof other === 'number';
    const same = numbers && rule.about ? nearlyEqual(one, other) : show(one) === show(other);
    const fair = !rule.effort || a?.status === b?.status;
    const better = both && numbers && !same && fair && rule.better ? (one < other === (rule.better === 'less') ? 'a' : 'b') : undefined;
    return [{ label: rule.label, a: show(one), b: show(other), titles: { a: title(one), b: title(other) }, differs: both && !same, better }];
  });
}

/** What each used of every model, the most first. */
export function modelLines(a: SessionView | undefined, b: SessionView | undefined): ShareLine[] {
  const names = new Set([...Object.keys(a?.usage?.by_model ?? {}), ...Object.keys(b?.usage?.by_model ?? {})]);
  const sum = (share: UsageShare | undefined) => (share ? total(share) : 0);
  return [...names]
    .map((name) => ({ name, a: a?.usage?.by_model?.[name], b: b?.usage?.by_model?.[name] }))
    .sort((x, y) => sum(y.a) + sum(y.b) - sum(x.a) - sum(x.b) || (x.name < y.name ? -1 : 1));
}

/** The rounds of the test loop, the same number on one line. */
export function testRunLines(a: SessionView | undefined, b: SessionView | undefined): TestRunLine[] {
  const numbers = new Set([...Object.keys(a?.tests?.iterations ?? {}), ...Object.keys(b?.tests?.iterations ?? {})].map(Number));
  return [...numbers].sort((x, y) => x - y).map((round) => ({ round, a: a?.tests?.iterations?.[round], b: b?.tests?.iterations?.[round] }));
}

/** Agents by their type and how they stand: `3 builder`, `1 tester (failed)`. */
export function agentKinds(view: SessionView | undefined): string[] {
  const kinds = new Map<string, { all: number; failed: number }>();
  for (const agent of Object.values(view?.agents ?? {})) {
    const kind = kinds.get(agent.type ?? 'agent') ?? { all: 0, failed: 0 };
    kinds.set(agent.type ?? 'agent', { all: kind.all + 1, failed: kind.failed + Number(agent.status === 'failed') });
  }
  return [...kinds]
    .sort(([a, x], [b, y]) => y.all - x.all || (a < b ? -1 : 1))
    .map(([kind, { all, failed }]) => `${plural(all, kind, kind)}${failed > 0 ? ` (${failed} failed)` : ''}`);
}

/** The titles of decisions that only one of the two made, the newest first. */
export function uniqueDecisions(mine: SessionView | undefined, theirs: SessionView | undefined, most: number): string[] {
  const known = new Set(Object.values(theirs?.decisions?.recent ?? {}).map(({ title }) => title));
  return Object.values(mine?.decisions?.recent ?? {})
    .filter(({ title }) => !known.has(title))
    .sort((a, b) => (millis(b.at) ?? 0) - (millis(a.at) ?? 0))
    .map(({ title }) => title)
    .slice(0, most);
}
