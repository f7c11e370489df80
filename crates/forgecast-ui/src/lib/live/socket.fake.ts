// A socket for tests: says what a server would say and keeps what it was sent. Never part of the bundle.

import { LiveSocket, type Options } from './socket';
import type { ClientMessage } from '../generated/wire';

export class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  sent: ClientMessage[] = [];
  open = false;
  closed = false;

  send(text: string): void {
    if (!this.open) throw new Error('not open');
    this.sent.push(JSON.parse(text) as ClientMessage);
  }

  close(): void {
    this.closed = true;
  }

  accept(): void {
    this.open = true;
    this.onopen?.();
    this.say({ type: 'hello', protocol: 1, server_time: '2026-01-31T08:15:00.000Z', heartbeat_s: 2 });
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  beat(revisions: Record<string, number>): void {
    const marks = Object.fromEntries(Object.entries(revisions).map(([topic, revision]) => [topic, { revision }]));
    this.say({ type: 'heartbeat', server_time: '2026-01-31T08:15:02.000Z', revisions: marks });
  }

  drop(code = 1006): void {
    this.onclose?.({ code, reason: '' });
  }
}

/** A connection whose sockets are kept in `sockets`, one for each time that it connects; `over` is told of the rest. */
export function fakeLiveSocket(sockets: FakeSocket[], over: Partial<Options> = {}): LiveSocket {
  return new LiveSocket({
    connect: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    now: () => Date.now(),
    random: () => 0.5,
    onConnection: () => undefined,
    onTime: () => undefined,
    ...over,
  });
}
