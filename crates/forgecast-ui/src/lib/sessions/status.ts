// What the status of a session means for its page.

import type { SessionStatus } from '../generated/wire';

const AT_WORK: readonly SessionStatus[] = ['running', 'waiting', 'stalled'];

/** Whether a session is not over. */
export function atWork({ status }: { status: SessionStatus }): boolean {
  return AT_WORK.includes(status);
}
