// A server that speaks the live protocol from states that a test sets, for what the real one never does on purpose: lost
// messages, hostile or huge states, another protocol version. The dashboard itself comes from the real server, headers and all.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

/** Headers of the real server that the page is given here, too. */
const PASSED_ON = ['content-type', 'content-security-policy', 'x-content-type-options', 'referrer-policy'];

const UNKNOWN = { type: 'urn:forgecast:error:unknown', title: 'No such session', status: 404 };

type Json = Record<string, unknown>;

interface Topic {
  epoch: string;
  revision: number;
  state: Json;
}

export interface Line {
  at: string;
  level?: string;
  from?: string;
  text: string;
  spans?: { start: number; end: number; style: string }[];
}

export class Mock {
  readonly topics = new Map<string, Topic>();
  readonly logs = new Map<string, Line[]>();
  readonly received: Json[] = [];
  protocol = 1;
  /** The answer of `/api/v1/stats`; none: it is unavailable. */
  report: Json | undefined;
  /** The answer of `/api/v1/limits`; none: it is unavailable. */
  limits: Json | undefined;
  /** How often the report was asked for, and how often with the tag that it had. */
  readonly asked = { report: 0, unchanged: 0 };
  #http: Server | undefined;
  #sockets = new Map<WebSocket, Set<string>>();
  #beat: NodeJS.Timeout | undefined;
  #port = 0;
  readonly #assets: string;

  /** `assets` is the address of a real server. */
  constructor(assets: string) {
    this.#assets = assets;
    this.topics.set('sessions', { epoch: '0000000a', revision: 1, state: { sessions: {}, total: 0, problems: {} } });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const http = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.writeHead(502).end(String(error)));
    });
    const sockets = new WebSocketServer({ server: http, path: '/api/v1/live' });
    sockets.on('connection', (socket) => this.#connected(socket));
    await new Promise<void>((done) => http.listen(this.#port, '127.0.0.1', done));
    this.#port = (http.address() as AddressInfo).port;
    this.#http = http;
    this.#beat = setInterval(() => this.heartbeat(), 2_000);
  }

  async stop(): Promise<void> {
    clearInterval(this.#beat);
    for (const socket of this.#sockets.keys()) socket.terminate();
    this.#sockets.clear();
    this.#http?.closeAllConnections();
    await new Promise((done) => this.#http?.close(done));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    const [, id, file] = /^\/api\/v1\/sessions\/([^/]+)(?:\/files\/(.+))?$/.exec(path) ?? [];
    if (file !== undefined) {
      response.setHeader('content-type', 'text/plain').end(`# ${file}\n\ncontents`);
    } else if (path === '/api/v1/stats' && this.report) {
      const body = JSON.stringify(this.report);
      const tag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
      const same = request.headers['if-none-match'] === tag;
      this.asked.report += 1;
      this.asked.unchanged += Number(same);
      response.setHeader('etag', tag).setHeader('content-type', 'application/json');
      response.writeHead(same ? 304 : 200).end(same ? undefined : body);
    } else if (path === '/api/v1/limits' && this.limits) {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(this.limits));
    } else if (/\/log(\/matches)?$/.test(path)) {
      const found = this.#lines(new URL(request.url ?? '/', 'http://x'));
      response.setHeader('content-type', 'application/json');
      response.writeHead(found ? 200 : 404).end(JSON.stringify(found ?? UNKNOWN));
    } else if (path.startsWith('/api/')) {
      const state = this.topics.get(`session/${id}`)?.state;
      response.setHeader('content-type', 'application/json');
      response.writeHead(state ? 200 : 404).end(JSON.stringify(state ?? UNKNOWN));
    } else {
      const real = await fetch(this.#assets + path);
      for (const name of PASSED_ON) {
        const value = real.headers.get(name);
        if (value !== null) response.setHeader(name, value);
      }
      response.writeHead(real.status).end(Buffer.from(await real.arrayBuffer()));
    }
  }

  /** Lines of a log, or with `/matches` their numbers, as the server filters them. */
  #lines(url: URL): Json | undefined {
    const [, id, matches] = /^\/api\/v1\/sessions\/([^/]+)\/log(\/matches)?$/.exec(decodeURIComponent(url.pathname)) ?? [];
    const held = this.logs.get(`log/${id}`);
    if (!held) return undefined;
    const asked = (name: string) => url.searchParams.get(name);
    const ranks = ['debug', 'info', 'warn', 'error'];
    const lines = held
      .map((line, offset) => ({ ...line, offset }))
      .slice(Number(asked('offset') ?? 0))
      .filter(
        ({ level, text }) =>
          ranks.indexOf(level ?? 'info') >= ranks.indexOf(asked('level') ?? 'debug') && text.toLowerCase().includes((asked('q') ?? '').toLowerCase()),
      );
    const page = lines.slice(0, matches ? undefined : Number(asked('limit') ?? 500));
    const next_offset = page.length < lines.length ? page.at(-1)!.offset + 1 : held.length;
    const range = { first_offset: 0, next_offset, end_offset: held.length };
    return matches ? { ...range, offsets: page.map(({ offset }) => offset) } : { ...range, lines: page };
  }

  #connected(socket: WebSocket): void {
    const topics = new Set<string>();
    this.#sockets.set(socket, topics);
    const send = (message: Json) => socket.send(JSON.stringify(message));
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Json & { type: string; topic: string; epoch?: string; revision?: number; offset?: number };
      this.received.push(message);
      if (message.type === 'unsubscribe') return void topics.delete(message.topic);
      const topic = this.#canonical(message.topic);
      if (topic.startsWith('log/')) {
        const lines = this.logs.get(topic);
        if (!lines) return;
        topics.add(topic);
        const from = message.offset ?? Math.max(0, lines.length - 500);
        send({ type: 'log', topic, offset: from, lines: lines.slice(from).map((line, at) => ({ ...line, offset: from + at })) });
        return;
      }
      const state = this.topics.get(topic);
      if (!state) {
        return send({ type: 'error', topic: message.topic, problem: UNKNOWN });
      }
      topics.add(topic);
      if (message.epoch === state.epoch && message.revision === state.revision) return;
      send({ type: 'snapshot', topic, epoch: state.epoch, revision: state.revision, state: state.state });
    });
    send({ type: 'hello', protocol: this.protocol, server_time: new Date().toISOString(), heartbeat_s: 2 });
  }

  #canonical(topic: string): string {
    if (this.topics.has(topic) || this.logs.has(topic) || topic.includes('~')) return topic;
    return [...this.topics.keys(), ...this.logs.keys()].find((key) => key.startsWith(`${topic}~`)) ?? topic;
  }

  #send(topic: string, message: Json): void {
    for (const [socket, topics] of this.#sockets) if (topics.has(topic)) socket.send(JSON.stringify(message));
  }

  heartbeat(): void {
    for (const [socket, topics] of this.#sockets) {
      const revisions = Object.fromEntries(
        [...topics].map((topic) => [topic, { revision: this.topics.get(topic)?.revision ?? this.logs.get(topic)?.length ?? 0 }]),
      );
      socket.send(JSON.stringify({ type: 'heartbeat', server_time: new Date().toISOString(), revisions }));
    }
  }

  /** Sets a topic's whole state, for those who subscribe later. */
  put(topic: string, state: Json): void {
    this.topics.set(topic, { epoch: '0000000b', revision: 1, state });
  }

  /** Changes a state by a merge patch and tells the viewers, unless the message is to be lost. */
  patch(topic: string, patch: Json, options: { lost?: boolean } = {}): void {
    const held = this.topics.get(topic);
    if (!held) throw new Error(topic);
    merge(held.state, patch);
    held.revision += 1;
    if (options.lost) return;
    this.#send(topic, { type: 'patch', topic, epoch: held.epoch, from: held.revision - 1, revision: held.revision, patch });
  }

  /** Says an event on a topic. */
  event(topic: string, event: Json): void {
    this.#send(topic, { type: 'event', topic, event });
  }

  /** Appends lines to a log. */
  append(topic: string, lines: Line[]): void {
    const held = this.logs.get(topic) ?? [];
    const offset = held.length;
    this.logs.set(topic, [...held, ...lines]);
    this.#send(topic, { type: 'log', topic, offset, lines: lines.map((line, at) => ({ ...line, offset: offset + at })) });
  }
}

function merge(target: Json, patch: Json): void {
  for (const [key, value] of Object.entries(patch)) {
    const old = target[key];
    if (value === null) delete target[key];
    else if (isObject(value) && isObject(old)) merge(old, value);
    else target[key] = value;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
