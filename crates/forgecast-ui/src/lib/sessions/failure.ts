// Why a session failed, in one line that begins its page; and which phases of a retry stay done or failed. Pure.

import type { PhaseStatus, PhaseView, SessionView, Tests } from '../generated/wire';

/** `Failed in Test, run 2: 3 of 57 tests fail`; undefined for a session that did not fail. */
export function failureText(view: Pick<SessionView, 'status' | 'status_source' | 'status_reason' | 'phase' | 'phases' | 'tests'>): string | undefined {
  const crashed = view.status === 'abandoned' && view.status_source === 'process';
  if (view.status !== 'failed' && !crashed) return undefined;
  const what = crashed ? 'Crashed' : 'Failed';
  const failed = Object.entries(view.phases ?? {}).find(([, phase]) => phase.status === 'failed')?.[0];
  const phase = failed ?? view.phase?.name;
  const run = phase === 'Test' && view.tests?.iteration !== undefined ? `, run ${view.tests.iteration}` : '';
  const where = phase === undefined ? what : `${what} in ${phase}${run}`;
  const reason = view.status_reason ?? failedTests(view.tests);
  // A reason that says no more than the verdict is none.
  return reason === undefined || reason.toLowerCase() === 'failed' ? where : `${where}: ${reason}`;
}

function failedTests(tests: Tests | undefined): string | undefined {
  const failed = lastRun(tests)?.failed ?? tests?.summary?.failed;
  return failed ? `${failed} ${failed === 1 ? 'test' : 'tests'} failed` : undefined;
}

function lastRun(tests: Tests | undefined) {
  const runs = Object.entries(tests?.iterations ?? {}).sort(([a], [b]) => Number(b) - Number(a));
  return runs[0]?.[1];
}

/** How a phase looks: one that was done before a retry and is to come again stays done, one that led to the retry stays
 *  failed, until it begins anew. */
export function shownStatus(name: string, phase: PhaseView, tests: Tests | undefined): PhaseStatus {
  if (phase.status !== 'pending' || phase.attempts === 0 || phase.ended_at === undefined) return phase.status;
  const run = lastRun(tests);
  return name === 'Test' && (run?.verdict === false || (run?.failed ?? 0) > 0) ? 'failed' : 'completed';
}
