import { describe, expect, it } from 'vitest';
import { freshness } from './freshness';
import { vectors } from '../testing/vectors';

describe('freshness', () => {
  it.each(vectors<Record<string, [number, string][]>>('formats')['freshness_ms']!)('of what was confirmed %d ms ago is %s', (age, level) => {
    expect(freshness(10_000, 10_000 + age)).toBe(level);
  });

  it('is unknown before anything was confirmed', () => {
    expect(freshness(0, 1_000_000)).toBe('unknown');
  });
});
