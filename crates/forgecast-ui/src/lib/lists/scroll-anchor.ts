// How far the rows in sight of a list moved when the list changed. Pure.

/**
 * By how many places most of the rows that were in sight, the first of them at `from`, stand elsewhere in `items`: what a
 * list has to be scrolled by so that they stay. One row that jumped to the top does not take the others with it.
 */
export function scrollShift<T>(inSight: readonly (string | number)[], from: number, items: readonly T[], key: (item: T) => string | number): number {
  const was = new Map(inSight.map((id, at) => [id, from + at]));
  const shifts: number[] = [];
  for (let at = 0; at < items.length && shifts.length < was.size; at += 1) {
    const before = was.get(key(items[at]!));
    if (before !== undefined) shifts.push(at - before);
  }
  shifts.sort((a, b) => a - b);
  return shifts[Math.floor(shifts.length / 2)] ?? 0;
}
