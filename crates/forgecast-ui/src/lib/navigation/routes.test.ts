import { describe, expect, it } from 'vitest';
import { baseOf, pathOf, routeOf, webAddress } from './routes';

describe('addresses', () => {
  it('tell the base path, whatever a proxy puts before it', () => {
    expect(['/', '/session/a~1', '/tools/forge/', '/tools/forge/session/a~1/'].map(baseOf)).toEqual(['/', '/', '/tools/forge/', '/tools/forge/']);
  });

  it('of a session are read back as they were written', () => {
    for (const id of ['weather-app~12', 'a.b_c-d~1', 'weather-app']) {
      expect(routeOf(pathOf('/x/', { page: 'session', id }))).toEqual({ page: 'session', id });
    }
    expect(routeOf('/')).toEqual({ page: 'overview' });
    expect(routeOf('/session/%E0%A4%A')).toEqual({ page: 'session', id: '%E0%A4%A' });
  });

  it('of the other pages are read back as they were written, below any base path', () => {
    for (const base of ['/', '/x/', '/x/y/', '/history/']) {
      for (const route of [{ page: 'overview' }, { page: 'history' }, { page: 'notifications' }, { page: 'compare', a: 'a~1', b: 'b.c~2' }] as const) {
        const path = pathOf(base, route);
        expect(routeOf(path), path).toEqual(route);
        expect(baseOf(path), path).toBe(base);
      }
    }
  });

  it('from agents are linked only when they are web addresses', () => {
    expect(webAddress('https://example.org/a')).toBe('https://example.org/a');
    for (const text of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'not an address', ' JaVaScRiPt:alert(1)']) {
      expect(webAddress(text)).toBeUndefined();
    }
  });
});
