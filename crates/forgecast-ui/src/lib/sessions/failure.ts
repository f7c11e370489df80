// Why a session failed, in one line that begins its page; and which phases of a retry stay done or failed. Pure.

import type { PhaseStatus, PhaseView, RowTests, SessionView, Tests } from '../generated/wire';

/** Whether its process is gone in the middle of its work. */
export function hasCrashed({ status, status_source }: Pick<SessionView, 'status' | 'status_source'>): boolean {
  return status === 'abandoned' && status_source === 'process';
}

/** `Failed in Test, run 2: 3 of 57 tests fail`; undefined for a session that did not fail. */
export function failureText(view: Pick<SessionView, 'status' | 'status_source' | 'status_reason' | 'phase' | 'phases' | 'tests'>): string | undefined {
  const crashed = hasCrashed(view);
  if (view.status !== 'failed' && !crashed) return undefined;
  const what = crashed ? 'Crashed' : 'Failed';
  const failed = Object.entries(view.phases ?? {}).find(([, phase]) => phase.status === 'failed')?.[0];
  const phase = failed ?? view.phase?.name;
  const run = phase === 'Test' && view.tests?.iteration !== undefined ? `, run ${view.tests.iteration}` : '';
  const where = phase === undefined ? what : `${what} in ${phase}${run}`;
  const told = failureReason(view.status_reason ?? 'failed', lastRun(view.tests) ?? view.tests?.summary);
  // The phase stands before it already.
  const reason = phase !== undefined && told.startsWith(`${phase}: `) ? told.slice(phase.length + 2) : told;
  // A reason that says no more than the verdict is none.
  return saysNothing(reason) ? where : `${where}: ${reason}`;
}

/** Why it failed, with the tests in place of a word that says no more than that it did. */
export function failureReason(reason: string, tests: RowTests | undefined): string {
  const failed = tests?.failed;
  if (!failed || !saysNothing(reason)) return reason;
  const all = tests.passed === undefined ? '' : ` of ${tests.passed + failed}`;
  return reason.replace(/failed$/i, `${failed}${all} ${failed === 1 && all === '' ? 'test' : 'tests'} failed`);
}

/** `Failed`, `Test: failed`. */
function saysNothing(reason: string): boolean {
  return /^([^:]+: )?failed$/i.test(reason);
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
