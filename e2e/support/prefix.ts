// A proxy that serves a server's dashboard below a base path, as reverse proxies do: the path is cut off, all else passes.

import { createServer, request as send, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

export class Prefix {
  readonly #server: Server;
  readonly #sockets = new Set<{ destroy(): void }>();
  #port = 0;

  /** `path` begins and ends with a slash. */
  constructor(
    readonly path: string,
    target: string,
  ) {
    const { hostname, port, host } = new URL(target);
    const inner = (request: IncomingMessage) => `/${(request.url ?? '').slice(path.length)}`;
    const headers = (request: IncomingMessage) => ({ ...request.headers, host, ...(request.headers.origin && { origin: target }) });
    this.#server = createServer((request, response) => {
      if (!request.url?.startsWith(path)) return void response.writeHead(404).end();
      const passed = send({ hostname, port, path: inner(request), method: request.method, headers: headers(request) }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      passed.on('error', () => response.destroy());
      request.pipe(passed);
    });
    this.#server.on('upgrade', (request, socket, head) => {
      const passed = connect(Number(port), hostname, () => {
        const lines = Object.entries(headers(request)).map(([name, value]) => `${name}: ${String(value)}`);
        passed.write([`GET ${inner(request)} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
        passed.write(head);
        passed.pipe(socket).pipe(passed);
      });
      for (const end of [socket, passed]) {
        this.#sockets.add(end);
        end.on('error', () => {
          socket.destroy();
          passed.destroy();
        });
      }
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}${this.path}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
