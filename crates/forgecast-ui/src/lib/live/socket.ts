// The one WebSocket of this tab: follows topics, resumes them by epoch and revision after a break, and compares every
// heartbeat with what it holds. Knows nothing about what the states mean or how they are shown.

import type { ClientMessage, ErrorBody, LogLine, ServerMessage, TopicMark } from '../generated/wire';
import { HEARTBEAT_S, PROTOCOL_VERSION } from '../generated/wire';

/** What a topic's follower is told. Only what follows seamlessly on what was told before, or a new beginning. */
export interface Follower {
  /** The whole state; `topic` is the canonical name. */
  snapshot?(state: unknown, topic: string): void;
  /** The next change. */
  patch?(patch: unknown): void;
  /** A producer's event, or one of the server; not part of any state. */
  event?(event: unknown, topic: string): void;
  /** Log lines; `fresh` when what is held does not continue into them. */
  log?(offset: number, lines: LogLine[], skipped: number, fresh: boolean): void;
  /** What is held is what the server has. */
  confirmed?(): void;
  /** The topic is no more. */
  removed?(): void;
  /** The topic cannot be followed (yet). */
  refused?(problem: ErrorBody): void;
}

export type Connection = { kind: 'connecting' } | { kind: 'live' } | { kind: 'waiting'; retryAt: number; reason: string };

/** What is used of a WebSocket. */
export type SocketLike = Pick<WebSocket, 'onopen' | 'onmessage' | 'onclose' | 'send' | 'close'>;

export interface Options {
  connect(): SocketLike;
  now(): number;
  random(): number;
  /** The connection changed. */
  onConnection(connection: Connection): void;
  /** The server said what time it is. */
  onTime(serverTime: string): void;
  /** The server speaks another version: the page is older (or newer) than it. */
  onOtherProtocol?(protocol: number): void;
}

interface Subscription {
  /** As it was asked for; the key of `#subscriptions`. */
  readonly asked: string;
  /** The canonical name, once the server has said it. */
  topic: string;
  readonly follower: Follower;
  epoch: string | undefined;
  /** Of a state: its revision. Of a log: the number of the next line. */
  revision: number | undefined;
  /** Whether the server has answered on this connection, so that a heartbeat can be compared. */
  answered: boolean;
  /** Heartbeats since it was asked for without an answer, or since it was refused. */
  silent: number;
  /** Resubscriptions without a confirmation between them. */
  mismatches: number;
  refused: boolean;
}

const FIRST_BACK_OFF_MS = 500;
const LONGEST_BACK_OFF_MS = 15_000;
const REFUSED_BACK_OFF_MS = 30_000;
/** Heartbeats that may be late before the connection counts as dead. */
const MISSED_HEARTBEATS = 3;
/** Heartbeats after which a topic that was not answered or was refused is asked for again. */
const ASK_AGAIN = 5;
/** Heartbeats that may go on naming another revision after it was asked for. */
const STILL_DIFFERENT = 2;

const CLOSE_REASONS: Record<number, string> = {
  1012: 'the server is restarting',
  4401: 'not authorized',
  4403: 'the server does not allow this page’s origin',
  4429: 'too many viewers',
};

export class LiveSocket {
  readonly #options: Options;
  readonly #subscriptions = new Map<string, Subscription>();
  #socket: SocketLike | undefined;
  #attempts = 0;
  #heartbeatMs = HEARTBEAT_S * 1000;
  #heardAt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Follows a topic until the returned function is called. */
  follow(asked: string, follower: Follower): () => void {
    const subscription: Subscription = {
      asked,
      topic: asked,
      follower,
      epoch: undefined,
      revision: undefined,
      answered: false,
      silent: 0,
      mismatches: 0,
      refused: false,
    };
    this.#subscriptions.set(asked, subscription);
    this.#subscribe(subscription);
    return () => {
      if (this.#subscriptions.get(asked) !== subscription) return;
      this.#subscriptions.delete(asked);
      this.#send({ type: 'unsubscribe', topic: subscription.topic });
    };
  }

  /** What the follower holds was replaced from elsewhere (a poll): the next subscription begins anew. */
  forgetPosition(asked: string): void {
    const subscription = this.#subscriptions.get(asked);
    if (!subscription) return;
    subscription.epoch = undefined;
    subscription.revision = undefined;
  }

  /** The number of the log line that comes next; nothing when none is held. */
  nextLine(asked: string): number | undefined {
    return this.#subscriptions.get(asked)?.revision;
  }

  /** Lines of a log that were read elsewhere (a poll); the next subscription goes on behind them. */
  tookLines(asked: string, offset: number, lines: LogLine[]): void {
    const subscription = this.#subscriptions.get(asked);
    if (subscription) this.#lines(subscription, offset, lines, 0);
  }

  /** Connects now; also what `online` and a tab that becomes visible do. */
  connect(): void {
    clearTimeout(this.#retry);
    if (this.#socket) {
      // A socket that fell silent while the tab was frozen or the machine slept is not worth waiting for.
      if (this.#options.now() - this.#heardAt < MISSED_HEARTBEATS * this.#heartbeatMs) return;
      this.#drop();
    }
    this.#options.onConnection({ kind: 'connecting' });
    this.#heardAt = this.#options.now();
    const socket = this.#options.connect();
    this.#socket = socket;
    socket.onopen = () => {
      for (const subscription of this.#subscriptions.values()) this.#subscribe(subscription);
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#receive(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) this.#lost(code, reason);
    };
    this.#watch();
  }

  /** Lets go of the connection and asks for no other until `connect` is called. */
  stop(): void {
    clearTimeout(this.#retry);
    this.#drop();
  }

  #send(message: ClientMessage): void {
    // Before `open` there is nothing to send to: opening subscribes to everything.
    try {
      this.#socket?.send(JSON.stringify(message));
    } catch {
      // Not open yet, or closing: `open` or the reconnect subscribes.
    }
  }

  #subscribe(subscription: Subscription): void {
    const { topic, epoch, revision } = subscription;
    subscription.answered = false;
    subscription.refused = false;
    subscription.silent = 0;
    if (topic.startsWith('log/')) {
      this.#send({ type: 'subscribe', topic, ...(revision !== undefined && { offset: revision }) });
    } else if (epoch !== undefined && revision !== undefined) {
      this.#send({ type: 'subscribe', topic, epoch, revision });
    } else {
      this.#send({ type: 'subscribe', topic });
    }
  }

  #find(topic: string): Subscription | undefined {
    const exact = this.#subscriptions.get(topic);
    if (exact) return exact;
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.topic === topic) return subscription;
      // A bare name is answered by the canonical id of the run that it means now.
      const bare = !subscription.topic.includes('~') && topic.startsWith(`${subscription.topic}~`);
      if (bare) {
        subscription.topic = topic;
        return subscription;
      }
    }
    return undefined;
  }

  #receive(data: unknown): void {
    this.#heardAt = this.#options.now();
    this.#watch();
    let message: ServerMessage;
    try {
      message = JSON.parse(String(data)) as ServerMessage;
    } catch {
      // Not our protocol, or cut: nothing that it could have carried can be trusted.
      return this.#lost(1002, 'the server sent an invalid message');
    }
    switch (message.type) {
      case 'hello':
        return this.#hello(message.protocol, message.server_time, message.heartbeat_s);
      case 'heartbeat':
        return this.#heartbeat(message.server_time, message.revisions);
      case 'snapshot':
        return this.#snapshot(message);
      case 'patch':
        return this.#patch(message);
      case 'log':
        return this.#log(message);
      case 'event':
        return this.#find(message.topic)?.follower.event?.(message.event, message.topic);
      case 'removed': {
        const subscription = this.#find(message.topic);
        if (!subscription) return;
        this.#settle(subscription);
        subscription.refused = true;
        return subscription.follower.removed?.();
      }
      case 'error': {
        const subscription = message.topic === undefined ? undefined : this.#find(message.topic);
        if (!subscription) return;
        subscription.refused = true;
        subscription.silent = 0;
        return subscription.follower.refused?.(message.problem);
      }
      default:
      // What a later server may send besides.
    }
  }

  #hello(protocol: number, serverTime: string, heartbeatS: number): void {
    this.#attempts = 0;
    this.#heartbeatMs = Math.max(1, heartbeatS) * 1000;
    this.#options.onTime(serverTime);
    if (protocol !== PROTOCOL_VERSION) this.#options.onOtherProtocol?.(protocol);
    this.#options.onConnection({ kind: 'live' });
  }

  #settle(subscription: Subscription): void {
    subscription.answered = true;
    subscription.refused = false;
    subscription.silent = 0;
  }

  #snapshot(message: Extract<ServerMessage, { type: 'snapshot' }>): void {
    const subscription = this.#find(message.topic);
    if (!subscription) return;
    this.#settle(subscription);
    subscription.epoch = message.epoch;
    subscription.revision = message.revision;
    subscription.follower.snapshot?.(message.state, message.topic);
    subscription.follower.confirmed?.();
  }

  #patch(message: Extract<ServerMessage, { type: 'patch' }>): void {
    const subscription = this.#find(message.topic);
    // Without a position the snapshot is still on its way: what comes before it belongs to an older subscription.
    if (subscription?.revision === undefined) return;
    if (message.epoch !== subscription.epoch) return this.#mismatch(subscription);
    if (message.revision <= subscription.revision) return;
    if (message.from !== subscription.revision) return this.#mismatch(subscription);
    this.#settle(subscription);
    subscription.revision = message.revision;
    subscription.follower.patch?.(message.patch);
    subscription.follower.confirmed?.();
  }

  #log(message: Extract<ServerMessage, { type: 'log' }>): void {
    const subscription = this.#find(message.topic);
    if (subscription) this.#lines(subscription, message.offset, message.lines, message.skipped ?? 0);
  }

  #lines(subscription: Subscription, from: number, all: LogLine[], skipped: number): void {
    const held = subscription.revision;
    // Lines that are held already (a resumed subscription may repeat some).
    const known = held === undefined ? 0 : Math.max(0, held - from);
    const lines = all.slice(known);
    const offset = from + known;
    const continues = held !== undefined && (offset === held || skipped > 0);
    this.#settle(subscription);
    if (lines.length > 0 || held === undefined) {
      subscription.revision = offset + lines.length;
      subscription.follower.log?.(offset, lines, skipped, !continues);
    }
    subscription.follower.confirmed?.();
  }

  #heartbeat(serverTime: string, revisions: Record<string, TopicMark>): void {
    this.#options.onTime(serverTime);
    // A name that is not canonical yet may stand here under its canonical one.
    for (const topic of Object.keys(revisions)) this.#find(topic);
    for (const subscription of this.#subscriptions.values()) {
      const mark = Object.hasOwn(revisions, subscription.topic) ? revisions[subscription.topic] : undefined;
      if (mark && subscription.revision === undefined && subscription.topic.startsWith('log/')) {
        // A log without lines is answered by nothing else.
        subscription.revision = mark.revision;
      }
      if (!subscription.refused && mark && mark.revision === subscription.revision) {
        this.#settle(subscription);
        subscription.mismatches = 0;
        subscription.follower.confirmed?.();
      } else if (subscription.answered && !subscription.refused) {
        this.#mismatch(subscription);
      } else if (++subscription.silent >= (mark ? STILL_DIFFERENT : ASK_AGAIN)) {
        if (subscription.refused) this.#subscribe(subscription);
        else this.#mismatch(subscription);
      }
    }
  }

  /** Something was missed: asks for it, the first time from where this viewer stands, then from the beginning. */
  #mismatch(subscription: Subscription): void {
    subscription.mismatches += 1;
    if (subscription.mismatches > 1) {
      subscription.epoch = undefined;
      subscription.revision = undefined;
    }
    this.#subscribe(subscription);
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    const limit = MISSED_HEARTBEATS * this.#heartbeatMs;
    this.#watchdog = setTimeout(() => this.#lost(1006, 'the server stopped responding'), limit);
  }

  /** Lets go of the socket without hearing from it again. */
  #drop(): void {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #lost(code: number, reason: string): void {
    this.#drop();
    for (const subscription of this.#subscriptions.values()) subscription.answered = false;
    const refused = code === 4401 || code === 4403 || code === 4429;
    const longest = refused ? REFUSED_BACK_OFF_MS : Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    // Half of it is chance, so that a thousand viewers of a restarted server do not come at once.
    const delay = longest * (0.5 + this.#options.random() / 2);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.connect(), delay);
    this.#options.onConnection({
      kind: 'waiting',
      retryAt: this.#options.now() + delay,
      reason: CLOSE_REASONS[code] ?? (reason || 'the connection was lost'),
    });
  }
}
