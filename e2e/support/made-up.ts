// Sessions that never were: weeks of them, as their producers would have left them behind, the same ones for the same seed.

import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Json = Record<string, unknown>;

const DAY_MS = 24 * 3_600_000;
const PHASES = ['Scout', 'Architect', 'Builder', 'Test', 'Documentation', 'Deploy'];
const PROJECTS = ['weather-app', 'invoice-portal', 'recipe-box', 'chess-clock', 'photo-sorter', 'mail-digest'];
const MODELS = ['claude-opus-4-8', 'claude-sonnet-4-6', 'claude-haiku-4-5', 'local-coder-30b'];
const TASKS = ['Build the first version with tests', 'Mend the failing pipeline', 'Add offline support', 'Rewrite the importer', 'Raise the coverage to 90 %'];

/** A generator of numbers from 0 to 1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One of them: the files that its producer left behind, and what it used. */
export interface MadeUp {
  name: string;
  project: string;
  /** Contents by path below its folder. */
  files: Record<string, string>;
  endedAt: number;
  usage: Json[];
}

/** `count` sessions that ended within the last `days` days, the oldest first. */
export function madeUp(count: number, days: number, now = Date.now(), seed = 7): MadeUp[] {
  const next = numbers(seed);
  const pick = <T>(list: readonly T[], skew = 1): T => list[Math.floor(next() ** skew * list.length)] as T;
  return Array.from({ length: count }, (_, at) => {
    const minutes = 4 + 50 * next() ** 2;
    const endedAt = now - DAY_MS * days * (1 - (at + next()) / count) - 60_000;
    const project = pick(PROJECTS, 1.6);
    const name = `${project}-${at + 1}`;
    const failed = next() < 0.17;
    const when = (share: number) => new Date(endedAt - (1 - share) * minutes * 60_000).toISOString();
    const done = failed ? PHASES.slice(0, 3) : PHASES;
    const rounds = 1 + Math.floor(next() * 3);
    const passed = 20 + Math.floor(next() * 200);
    const red = failed ? 1 + Math.floor(next() * 9) : 0;
    const status = failed ? 'failed' : 'completed';
    const files = {
      '.context-foundry/current-phase.json': JSON.stringify({
        session_id: name,
        current_phase: failed ? 'Test' : 'Deploy',
        phase_number: `${failed ? 4 : 6}/6`,
        status,
        phases_completed: done,
        test_iteration: rounds,
        started_at: when(0),
        last_updated: when(1),
      }),
      '.context-foundry/session-summary.json': JSON.stringify({
        session_id: name,
        status,
        task: pick(TASKS),
        phases_completed: done,
        completed_at: when(1),
        duration_minutes: minutes,
        total_tests: passed + red,
        tests_passed: passed,
        tests_failed: red,
      }),
    };
    const usage = done.map((_, order) => {
      const model = pick(MODELS, 1.8);
      const size = 0.3 + next() * (order === 2 ? 6 : 1.5);
      return {
        id: `${name}-u${order}`,
        session: name,
        type: 'usage_recorded',
        used_at: when((order + 0.8) / done.length),
        model,
        input: Math.round(9_000 * size),
        output: Math.round(4_000 * size),
        cache_read: Math.round(220_000 * size),
        cache_write: Math.round(21_000 * size),
        ...(model !== 'local-coder-30b' && { cost_usd: Math.round(size * 31) / 100 }),
      };
    });
    return { name, project, files, endedAt, usage };
  });
}

/** Lays their files into a folder of projects, as old as they say: before the server reads it. */
export function lay(root: string, sessions: readonly MadeUp[]): void {
  for (const { name, files, endedAt } of sessions) {
    for (const [path, content] of Object.entries(files)) {
      const file = join(root, name, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      utimesSync(file, endedAt / 1_000, endedAt / 1_000);
    }
  }
}

/** Tells a running server which project they belong to and what they used, some sessions at a time. */
export async function tell(url: string, sessions: readonly MadeUp[], together = 40): Promise<void> {
  for (let at = 0; at < sessions.length; at += together) {
    const events = sessions
      .slice(at, at + together)
      .flatMap(({ name, project, usage }) => [{ id: `${name}-seen`, session: name, type: 'session_seen', project }, ...usage]);
    const answer = await fetch(`${url}/api/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(events),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }
}
