// The phases of a build in their order, with the short names and color classes that stand for them.

import type { PhaseStatus, PhaseView } from '../generated/wire';

interface Known {
  name: string;
  short: string;
  /** Suffix of the CSS class that sets the accent color. */
  accent: string;
}

const KNOWN: readonly Known[] = [
  { name: 'Codebase Analysis', short: 'Analysis', accent: 'analysis' },
  { name: 'Scout', short: 'Scout', accent: 'scout' },
  { name: 'Architect', short: 'Architect', accent: 'architect' },
  { name: 'Builder', short: 'Builder', accent: 'builder' },
  { name: 'Test', short: 'Test', accent: 'test' },
  { name: 'Screenshot', short: 'Screenshot', accent: 'screenshot' },
  { name: 'Documentation', short: 'Docs', accent: 'documentation' },
  { name: 'Deploy', short: 'Deploy', accent: 'deploy' },
  { name: 'Feedback', short: 'Feedback', accent: 'feedback' },
  // The stages of Foundry.
  { name: 'Discovery', short: 'Discovery', accent: 'analysis' },
  { name: 'Query', short: 'Query', accent: 'analysis' },
  { name: 'Research', short: 'Research', accent: 'scout' },
  { name: 'Plan', short: 'Plan', accent: 'architect' },
  { name: 'Plan Review', short: 'Plan review', accent: 'screenshot' },
  { name: 'Implement', short: 'Implement', accent: 'builder' },
  { name: 'Verify', short: 'Verify', accent: 'test' },
];
const BY_NAME = new Map(KNOWN.map((phase, order) => [phase.name, { ...phase, order }]));

/** The color class of a phase, `phase-test`; phases with names of their own share one. */
export function accent(name: string | undefined): string {
  return `phase-${(name !== undefined && BY_NAME.get(name)?.accent) || 'other'}`;
}

/** A name that fits a narrow place. */
export function short(name: string): string {
  return BY_NAME.get(name)?.short ?? name;
}

/** The phases of a view, in the order of the pipeline. */
export function ordered(phases: Record<string, PhaseView> | undefined): [string, PhaseView][] {
  return Object.entries(phases ?? {}).sort(([aName, a], [bName, b]) => a.order - b.order || aName.localeCompare(bName));
}

/** The phases of a row, which has no order of its own: by the vocabulary, unknown ones behind by name. */
export function orderedRow(phases: Record<string, PhaseStatus> | undefined): [string, PhaseStatus][] {
  const order = (name: string) => BY_NAME.get(name)?.order ?? KNOWN.length;
  return Object.entries(phases ?? {}).sort(([a], [b]) => order(a) - order(b) || a.localeCompare(b));
}
