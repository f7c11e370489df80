// JSON Merge Patch (RFC 7396), twice: as a pure function that shares what did not change, and in place, so that only
// the state that a patch names is touched. Keys that reach an object's prototype are never followed.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const REFUSED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Whether a value is an object in the sense of JSON: neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value of a type of the wire as the JSON that it is: a producer's own part of it has no type. */
export function asJson(value: object): JsonObject {
  return value as JsonObject;
}

function own(target: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(target, key) ? target[key] : undefined;
}

/** What a patch names, without the keys that are refused. */
export function patchEntries(patch: JsonObject): [string, Json][] {
  return Object.entries(patch).filter(([key]) => !REFUSED.has(key));
}

/** What `target` becomes by `patch`. Neither is changed; parts that the patch does not name are the same objects. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const before = isObject(target) ? target : {};
  const after: JsonObject = { ...before };
  let changed = before !== target;
  for (const [key, value] of patchEntries(patch)) {
    const old = own(before, key);
    if (value === null) {
      changed ||= old !== undefined;
      delete after[key];
      continue;
    }
    const next = mergePatch(old, value);
    changed ||= next !== old;
    after[key] = next;
  }
  return changed ? after : before;
}

/** The same as `mergePatch`, in place: writes only where a value differs. */
export function mergePatchInto(target: JsonObject, patch: JsonObject): void {
  for (const [key, value] of patchEntries(patch)) {
    const old = own(target, key);
    if (value === null) {
      if (old !== undefined) delete target[key];
    } else if (isObject(value) && isObject(old)) {
      mergePatchInto(old, value);
    } else if (!jsonEqual(old, value)) {
      target[key] = mergePatch(undefined, value);
    }
  }
}

/** Makes `target` equal to `state`, in place, writing only where they differ: a snapshot that replaces without wiping. */
export function reconcile(target: JsonObject, state: JsonObject): void {
  for (const key of Object.keys(target)) {
    if (!Object.hasOwn(state, key)) delete target[key];
  }
  for (const [key, value] of patchEntries(state)) {
    const old = own(target, key);
    if (isObject(value) && isObject(old)) reconcile(old, value);
    else if (!jsonEqual(old, value)) target[key] = mergePatch(undefined, value);
  }
}

/** Whether two values are the same by content. */
export function jsonEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => jsonEqual(item, b[at]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key], b[key]));
  }
  return false;
}
