// Where the dashboard is mounted and what its addresses mean. The base path is read from the page's own address, because
// a proxy may add any prefix.

export type Route = { page: 'overview' } | { page: 'session'; id: string };

const SESSION = /^(.*\/)session\/([^/]+)\/?$/;

/** The folder that the dashboard is served from, with a slash at its end. */
export function baseOf(pathname: string): string {
  return SESSION.exec(pathname)?.[1] ?? pathname.replace(/[^/]*$/, '');
}

export function routeOf(pathname: string): Route {
  const id = SESSION.exec(pathname)?.[2];
  if (id === undefined) return { page: 'overview' };
  try {
    return { page: 'session', id: decodeURIComponent(id) };
  } catch {
    return { page: 'session', id };
  }
}

export function pathOf(base: string, route: Route): string {
  return route.page === 'overview' ? base : `${base}session/${encodeURIComponent(route.id)}`;
}

/** The address of a REST resource, `sessions/weather-app~1/files/scout-report.md` in parts. */
export function apiPath(base: string, ...parts: string[]): string {
  return `${base}api/v1/${parts.map(encodeURIComponent).join('/')}`;
}

/** Turns text from an agent into an address that may be linked: web addresses only, never a script. */
export function webAddress(text: string): string | undefined {
  try {
    const address = new URL(text);
    return address.protocol === 'https:' || address.protocol === 'http:' ? address.href : undefined;
  } catch {
    return undefined;
  }
}
