// Which page is shown. Addresses are real paths, so that a link to a page can be passed on.

import { baseOf, pathOf, routeOf, type Route } from './routes';

class Router {
  route = $state.raw<Route>(routeOf(location.pathname));
  /** How many pages were gone to since the start: the frame moves the focus when it grows. */
  visits = $state(0);
  readonly #base = baseOf(location.pathname);

  start(): void {
    window.addEventListener('popstate', () => this.#show(routeOf(location.pathname)));
  }

  href(route: Route): string {
    return pathOf(this.#base, route);
  }

  go(route: Route): void {
    history.pushState(null, '', this.href(route));
    this.#show(route);
    window.scrollTo(0, 0);
  }

  /** Goes to a page from one that there is no way back to. */
  replace(route: Route): void {
    history.replaceState(null, '', this.href(route));
    this.#show(route);
  }

  /** Writes the canonical id into the address without leaving the page. */
  settle(id: string): void {
    if (this.route.page === 'session' && this.route.id !== id) {
      history.replaceState(null, '', this.href({ page: 'session', id }) + location.search + location.hash);
    }
  }

  /** For links: follows a plain click here, leaves those with a modifier to the browser. */
  follow(event: MouseEvent, route: Route): void {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go(route);
  }

  #show(route: Route): void {
    // Another moment of the same page (`?at=`) is no other page.
    if (this.href(route) !== this.href(this.route)) this.visits += 1;
    this.route = route;
  }
}

export const router = new Router();
