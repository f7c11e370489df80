// Puts the parts together: the tab's socket, the topics that the pages follow, and the poll that stands in while the
// socket is down. The pages read from here and never speak to the network themselves.

import { address, type Address } from '../api/client';
import { baseOf } from '../navigation/routes';
import { RafBatch } from './raf-batch';
import { LogState } from '../log/state.svelte';
import { toastOf, addToast, type Toast } from '../notifications/toasts';
import { notifier } from '../notifications/notifier.svelte';
import { poll, type PollOptions } from '../api/poll';
import { Sessions } from '../sessions/sessions.svelte';
import { LiveSocket, type Connection } from './socket';
import { ticker } from '../time/ticker.svelte';
import { TopicState } from './topic.svelte';
import type { SessionView } from '../generated/wire';

const POLL_MS = 5_000;
const MAX_TOASTS = 3;
/** The poll may miss once. */
const OFFLINE_MS = 2 * POLL_MS;

const batch = new RafBatch();

class LiveData {
  connection = $state<Connection>({ kind: 'connecting' });
  /** The server speaks another version of the protocol than this page. */
  outdated = $state(false);
  /** When anything was last heard of the server, by this machine's clock. */
  heardAt = $state(Date.now());
  index = new Sessions(batch, {
    onEvent: (event, topic) => this.#onEvent(event, topic),
    onEventReceived: (event, topic) => {
      const toast = toastOf(event, topic);
      if (toast) notifier.onBudgetPassed(toast);
    },
    onRow: (row, isFirst) => notifier.onRow(row, isFirst),
  });
  /** What was said besides the states and nobody put away yet, the newest first. */
  toasts = $state.raw<readonly Toast[]>([]);
  readonly base = baseOf(location.pathname);
  /** Told when the server may not want this browser any more: the connection was refused, closed or lost. */
  onConnectionRefused: (() => void) | undefined;
  #started = false;
  #paused = false;
  readonly #socket: LiveSocket;
  /** What is polled while the socket is down, by its topic. */
  readonly #polled = new Map<string, { start: () => () => void; stop: (() => void) | undefined }>();

  constructor() {
    const address = new URL(`${this.base}api/v1/live`, location.href);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#socket = new LiveSocket({
      connect: () => new WebSocket(address),
      now: () => Date.now(),
      random: () => Math.random(),
      onConnection: (connection) => this.#onConnection(connection),
      onTime: (time) => {
        this.heardAt = Date.now();
        ticker.sync(time);
      },
      onOtherProtocol: () => (this.outdated = true),
    });
  }

  /** Connects; also again after a pause. `index`: whether there is more to follow than single sessions. */
  start({ index }: { index: boolean } = { index: true }): void {
    this.#paused = false;
    if (this.#started) return this.#socket.connect();
    this.#started = true;
    ticker.start();
    if (index) this.#followIndex();
    const now = () => {
      if (!document.hidden && !this.#paused) this.#socket.connect();
    };
    window.addEventListener('online', now);
    window.addEventListener('pageshow', now);
    document.addEventListener('visibilitychange', now);
    // A tab that the browser had frozen: its socket may be long gone, and its timers have not noticed.
    document.addEventListener('resume', now);
    this.#socket.connect();
  }

  /** The socket is down and the poll that stands in for it gets no answer: nothing that is shown is the present. */
  get offline(): boolean {
    return this.connection.kind !== 'live' && ticker.now - this.heardAt > OFFLINE_MS;
  }

  /** Whether there is something that was shown. */
  get started(): boolean {
    return this.#started;
  }

  /** Asks the server nothing until `start` is called again. */
  pause(): void {
    this.#paused = true;
    this.#socket.stop();
    for (const entry of this.#polled.values()) {
      entry.stop?.();
      entry.stop = undefined;
    }
  }

  #followIndex(): void {
    this.#socket.follow('sessions', this.index);
    this.#poll('sessions', address('/api/v1/sessions', { query: { limit: 500 } }), this.index, ({ sessions: rows, next_cursor }) => {
      const held = this.index.state;
      // One page is not all there is: rows that are not on it stay as they were.
      const sessions = { ...(next_cursor !== undefined && held?.sessions), ...Object.fromEntries(rows.map((row) => [row.id, row])) };
      return { total: rows.length, problems: {}, ...held, sessions };
    });
  }

  retryNow(): void {
    this.#socket.connect();
  }

  /** Follows the view of one session until `stop` is called; `onId` learns the canonical id behind a bare name. */
  view(id: string, onId: (id: string) => void): { view: TopicState<SessionView>; stop: () => void } {
    const view = new TopicState<SessionView>(batch, {
      onTopic: (topic) => onId(topic.slice('session/'.length)),
      onEvent: (event, topic) => this.#onEvent(event, topic),
    });
    const stops = [
      this.#socket.follow(`session/${id}`, view),
      this.#poll(`session/${id}`, address('/api/v1/sessions/{id}', { path: { id } }), view, (body) => body),
    ];
    return { view, stop: () => stops.forEach((stop) => stop()) };
  }

  /** The same with its log. */
  session(id: string, onId: (id: string) => void): { view: TopicState<SessionView>; log: LogState; stop: () => void } {
    const { view, stop } = this.view(id, onId);
    const log = new LogState(batch);
    const stops = [stop, this.#socket.follow(`log/${id}`, log), this.#pollLog(id, log)];
    return { view, log, stop: () => stops.forEach((stop) => stop()) };
  }

  dismiss(toast: Toast): void {
    this.toasts = this.toasts.filter(({ key }) => key !== toast.key);
  }

  #onEvent(event: unknown, topic: string): void {
    const toast = toastOf(event, topic);
    if (toast) this.toasts = addToast(this.toasts, toast, MAX_TOASTS);
  }

  #poll<T>(topic: string, url: Address<T>, target: Pick<Sessions, 'replace' | 'confirmed'>, shape: (body: T) => unknown): () => void {
    return this.#pollWhileDown(topic, {
      url: () => url,
      onState: (body) => {
        target.replace(shape(body));
        target.confirmed();
        // What is shown is no longer what the socket had delivered, so it cannot be resumed from there.
        this.#socket.forgetPosition(topic);
      },
      onSame: () => target.confirmed(),
    });
  }

  #pollLog(id: string, log: LogState): () => void {
    const topic = `log/${id}`;
    return this.#pollWhileDown(topic, {
      url: () => {
        const offset = this.#socket.nextLine(topic);
        return address('/api/v1/sessions/{id}/log', { path: { id }, query: offset === undefined ? {} : { offset, limit: 1_000 } });
      },
      onState: ({ lines }) => {
        const first = lines[0];
        if (first) this.#socket.tookLines(topic, first.offset, lines);
        log.confirmed();
      },
      onSame: () => log.confirmed(),
    });
  }

  /** What is asked for while the socket is down. */
  #pollWhileDown<T>(topic: string, asked: Pick<PollOptions<T>, 'url' | 'onState' | 'onSame'>): () => void {
    const entry = {
      stop: undefined as (() => void) | undefined,
      start: () =>
        poll({
          ...asked,
          everyMs: POLL_MS,
          onState: (body) => {
            this.heardAt = Date.now();
            asked.onState(body);
          },
          onSame: () => {
            this.heardAt = Date.now();
            asked.onSame();
          },
          fetch: (input, init) => fetch(input, init),
          onFailure: (status) => {
            if (status === 401 || status === 403) this.onConnectionRefused?.();
          },
        }),
    };
    this.#polled.set(topic, entry);
    if (this.connection.kind === 'waiting' && !this.#paused) entry.stop = entry.start();
    return () => {
      entry.stop?.();
      if (this.#polled.get(topic) === entry) this.#polled.delete(topic);
    };
  }

  #onConnection(connection: Connection): void {
    this.connection = connection;
    // A browser does not say why a socket was refused.
    if (connection.kind === 'waiting') this.onConnectionRefused?.();
    for (const entry of this.#polled.values()) {
      if (connection.kind === 'live') {
        entry.stop?.();
        entry.stop = undefined;
      } else if (connection.kind === 'waiting') {
        entry.stop ??= entry.start();
      }
    }
  }
}

export const live = new LiveData();
