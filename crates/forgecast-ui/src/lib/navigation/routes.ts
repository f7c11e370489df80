// Where the dashboard is mounted and what its addresses mean. The base path is read from the page's own address, because
// a proxy may add any prefix.

export type Route =
  { page: 'overview' } | { page: 'session'; id: string } | { page: 'history' } | { page: 'notifications' } | { page: 'compare'; a: string; b: string };

const SESSION = /^(.*\/)session\/([^/]+)\/?$/;
const COMPARE = /^(.*\/)compare\/([^/]+)\/([^/]+)$/;
/** Without a slash at the end: with one it would be the overview below a base path of that name. */
const HISTORY = /^.*\/history$/;
const NOTIFICATIONS = /^.*\/notifications$/;

/** The folder that the dashboard is served from, with a slash at its end. */
export function baseOf(pathname: string): string {
  return (COMPARE.exec(pathname) ?? SESSION.exec(pathname))?.[1] ?? pathname.replace(/[^/]*$/, '');
}

export function routeOf(pathname: string): Route {
  const [, , a, b] = COMPARE.exec(pathname) ?? [];
  if (a !== undefined && b !== undefined) return { page: 'compare', a: decoded(a), b: decoded(b) };
  const id = SESSION.exec(pathname)?.[2];
  if (id !== undefined) return { page: 'session', id: decoded(id) };
  if (NOTIFICATIONS.test(pathname)) return { page: 'notifications' };
  return HISTORY.test(pathname) ? { page: 'history' } : { page: 'overview' };
}

export function pathOf(base: string, route: Route): string {
  switch (route.page) {
    case 'overview':
      return base;
    case 'session':
      return `${base}session/${encodeURIComponent(route.id)}`;
    case 'compare':
      return `${base}compare/${encodeURIComponent(route.a)}/${encodeURIComponent(route.b)}`;
    default:
      return base + route.page;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
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
