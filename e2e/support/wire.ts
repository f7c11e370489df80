// What a page and its server say to each other, listened to between them: the frames of its sockets, which can be cut, and
// its requests, which can be counted.

import type { Page, Request, WebSocketRoute } from '@playwright/test';

export interface Frame {
  /** Which socket of the page, counted from 1. */
  socket: number;
  from: 'page' | 'server';
  type: string;
  topic?: string;
  epoch?: string;
  /** Of a patch: the revision that it follows on; what a resuming viewer says it has is its `revision`. */
  revision?: number;
  offset?: number;
}

/** The sockets of one page, passed on to the real server and back. To be made before the page is opened. */
export class Sockets {
  readonly frames: Frame[] = [];
  /** How many the page opened. */
  opened = 0;
  #open = new Set<WebSocketRoute>();
  #refused = false;
  #held: Promise<void> | undefined;
  #release: (() => void) | undefined;

  static async of(page: Page): Promise<Sockets> {
    const sockets = new Sockets();
    await page.routeWebSocket(/\/api\/v1\/live$/, (route) => sockets.#opening(route));
    return sockets;
  }

  async #opening(route: WebSocketRoute): Promise<void> {
    this.opened += 1;
    const socket = this.opened;
    if (this.#refused) return void route.close({ code: 1011, reason: 'refused' });
    await this.#held;
    const server = route.connectToServer();
    this.#open.add(route);
    route.onMessage((message) => {
      this.#heard(socket, 'page', message);
      server.send(message);
    });
    server.onMessage((message) => {
      this.#heard(socket, 'server', message);
      route.send(message);
    });
    route.onClose((code, reason) => {
      this.#open.delete(route);
      server.close({ code: code ?? 1000, reason: reason ?? '' }).catch(() => undefined);
    });
    server.onClose((code, reason) => {
      this.#open.delete(route);
      // A code that was never sent over the wire cannot be sent on.
      const said = code !== undefined && code >= 1000 && ![1005, 1006, 1015].includes(code);
      route.close(said ? { code, reason: reason ?? '' } : { code: 1011, reason: 'lost' }).catch(() => undefined);
    });
  }

  #heard(socket: number, from: Frame['from'], message: string | Buffer): void {
    this.frames.push({ ...(JSON.parse(String(message)) as Omit<Frame, 'socket' | 'from'>), socket, from });
  }

  /** Breaks what is open; the page may connect again. */
  async cut(): Promise<void> {
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map((route) => route.close({ code: 1011, reason: 'cut' })));
  }

  /** Lets new sockets wait for their server until `release` is called. */
  hold(): void {
    this.#held = new Promise((done) => (this.#release = done));
  }

  release(): void {
    this.#release?.();
    this.#held = undefined;
  }

  /** Refuses sockets, those that are open as well, until it is called with `false`. */
  async refuse(refused = true): Promise<void> {
    this.#refused = refused;
    if (refused) await this.cut();
  }

  /** What the server said on the newest socket about topics that begin like this, in order. */
  heardNow(topic: string): Frame[] {
    return this.frames.filter((frame) => frame.socket === this.opened && frame.from === 'server' && frame.topic?.startsWith(topic));
  }

  /** What the page asked for on the newest socket. */
  askedNow(): Frame[] {
    return this.frames.filter((frame) => frame.socket === this.opened && frame.from === 'page');
  }
}

/** What stands in for the socket: the list of sessions and the view of one. Its past, its log and its files are asked for besides. */
export const POLLED = /^\/api\/v1\/sessions(\/[^/]+)?$/;

/** The requests of one page for what is polled. */
export class Requests {
  /** Statuses of what was answered, by path. */
  readonly answered: { path: string; status: number }[] = [];
  /** The most that were under way at once, by path. */
  readonly most = new Map<string, number>();
  begun = 0;
  readonly #underWay = new Map<string, number>();

  constructor(page: Page, only: (path: string) => boolean = (path) => POLLED.test(path)) {
    const pathOf = (request: Request) => new URL(request.url()).pathname;
    const moved = (request: Request, by: number) => {
      const path = pathOf(request);
      if (!only(path)) return;
      const now = (this.#underWay.get(path) ?? 0) + by;
      this.#underWay.set(path, now);
      this.most.set(path, Math.max(this.most.get(path) ?? 0, now));
      if (by > 0) this.begun += 1;
    };
    page.on('request', (request) => moved(request, 1));
    page.on('requestfinished', (request) => moved(request, -1));
    page.on('requestfailed', (request) => moved(request, -1));
    page.on('response', (response) => {
      const path = pathOf(response.request());
      if (only(path)) this.answered.push({ path, status: response.status() });
    });
  }
}
