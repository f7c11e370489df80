// Long lists start short: what a panel shows until somebody asks for all of it.

export const SHORT = 100;

export function limited<T>(items: readonly T[], all: boolean): readonly T[] {
  return all || items.length <= SHORT ? items : items.slice(0, SHORT);
}
