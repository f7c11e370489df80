import { describe, expect, it } from 'vitest';
import { failureText, shownStatus } from './failure';
import type { PhaseView } from '../generated/wire';

const phase = (status: PhaseView['status'], over: Partial<PhaseView> = {}): PhaseView => ({ order: 1, status, attempts: 1, ...over });

describe('a failed session', () => {
  it('says where it failed, in which run and why', () => {
    const failed = { status: 'failed', phases: { Builder: phase('completed'), Test: phase('failed') }, tests: { iteration: 2 } } as const;
    expect(failureText({ ...failed, status_reason: '3 of 57 tests fail' })).toBe('Failed in Test, run 2: 3 of 57 tests fail');
    expect(failureText({ ...failed, tests: { iteration: 2, iterations: { 2: { failed: 2 } } } })).toBe('Failed in Test, run 2: 2 tests failed');
    expect(failureText({ status: 'failed', status_reason: 'Failed' })).toBe('Failed');
    expect(failureText({ ...failed, status_reason: 'Test: failed' })).toBe('Failed in Test, run 2');
    expect(failureText({ ...failed, status_reason: 'Test: npm ended with 1' })).toBe('Failed in Test, run 2: npm ended with 1');
    const counted = { iteration: 2, iterations: { 2: { passed: 55, failed: 2 } } };
    expect(failureText({ ...failed, status_reason: 'Test: failed', tests: counted })).toBe('Failed in Test, run 2: 2 of 57 tests failed');
  });

  it('is told from a crash, and from one that did not fail', () => {
    expect(failureText({ status: 'abandoned', status_source: 'process', status_reason: 'its process is gone' })).toBe('Crashed: its process is gone');
    expect(failureText({ status: 'abandoned' })).toBeUndefined();
    expect(failureText({ status: 'completed' })).toBeUndefined();
  });
});

describe('a phase behind a retry', () => {
  const again = phase('pending', { ended_at: '2026-01-31T12:00:00.000Z' });
  it('stays done, and the one whose tests failed stays failed', () => {
    expect(shownStatus('Builder', again, undefined)).toBe('completed');
    expect(shownStatus('Test', again, { iteration: 1, iterations: { 1: { failed: 2 } } })).toBe('failed');
    expect(shownStatus('Test', again, { iteration: 1, iterations: { 1: { failed: 0, verdict: true } } })).toBe('completed');
  });

  it('that never began is pending, and one that began anew is at work', () => {
    expect(shownStatus('Deploy', phase('pending', { attempts: 0 }), undefined)).toBe('pending');
    expect(shownStatus('Test', phase('active', { attempts: 2 }), undefined)).toBe('active');
  });
});
