// The vectors that Rust and TypeScript both test against, for tests. Never part of the bundle.

import { readFileSync } from 'node:fs';

/** The file `fixtures/vectors/<name>.json`. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../../../fixtures/vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}
