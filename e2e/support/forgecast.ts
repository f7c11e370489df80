// The real server in a process of its own, with temporary folders for what it watches and what it keeps.

import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const BINARY = resolve(process.env['FORGECAST_BIN'] ?? '../target/debug/forgecast');
const READY_MS = 20_000;

export class Forgecast {
  readonly home = mkdtempSync(join(tmpdir(), 'forgecast-e2e-'));
  readonly root = join(this.home, 'projects');
  /** Where the agents of this home write their transcripts. */
  readonly claude = join(this.home, 'claude');
  url = '';
  #process: ChildProcess | undefined;
  #said = '';

  readonly #environment: Record<string, string>;

  /** `environment` is what the process finds besides its home. */
  constructor(environment: Record<string, string> = {}) {
    this.#environment = environment;
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: cargo build -p forgecast, or set FORGECAST_BIN`);
    mkdirSync(this.root);
  }

  /** Starts it on a free port, or again on the port that it had; by default it serves the projects' folder. */
  async start(command = ['serve', this.root, '--db', join(this.home, 'forgecast.db')]): Promise<void> {
    const port = this.url === '' ? '0' : new URL(this.url).port;
    const child = spawn(BINARY, [...command, '--port', port], {
      cwd: this.home,
      env: { PATH: process.env['PATH'], HOME: this.home, CLAUDE_CONFIG_DIR: this.claude, NO_COLOR: '1', ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    this.#said = '';
    await new Promise<void>((ready, failed) => {
      const timer = setTimeout(() => failed(new Error(`not ready: ${this.#said}`)), READY_MS);
      const hear = (data: Buffer) => {
        this.#said += String(data);
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(this.#said)?.[0];
        if (url === undefined || !this.#said.includes('found')) return;
        this.url = url;
        clearTimeout(timer);
        ready();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('exit', (code) => failed(new Error(`ended with ${code}: ${this.#said}`)));
    });
  }

  /** Stops it as `signal` would; resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await gone;
  }

  /** Sends it a signal and waits for nothing: `SIGSTOP` makes a server that hangs, `SIGCONT` lets it go on. */
  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** One value of `/metrics`, summed over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
  }

  /** What the server holds of a session. */
  async view(id: string): Promise<{ name?: string; phase?: { name?: string; detail?: string } }> {
    const answer = await fetch(`${this.url}/api/v1/sessions/${encodeURIComponent(id)}`);
    return answer.ok ? ((await answer.json()) as { phase?: { detail?: string } }) : {};
  }

  /** How many lines the server has of a session's log. */
  async logLines(id: string): Promise<number> {
    const answer = await fetch(`${this.url}/api/v1/sessions/${encodeURIComponent(id)}/log`);
    return answer.ok ? ((await answer.json()) as { end_offset: number }).end_offset : 0;
  }

  /** Stops it and removes its folders. */
  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }

  project(name: string): Project {
    return new Project(join(this.root, name));
  }
}

/** A project's folder, written to as agents do. */
export class Project {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Writes a file below the project's folder, by renaming a complete one over it. */
  write(path: string, content: string | object): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
    renameSync(`${file}.new`, file);
  }

  append(path: string, text: string): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    appendFileSync(file, text);
  }

  /** Writes the phase file. */
  phase(current_phase: string, number: string, over: object = {}): void {
    const now = new Date().toISOString();
    this.write('.context-foundry/current-phase.json', {
      session_id: this.folder.split('/').pop(),
      current_phase,
      phase_number: `${number}/8`,
      status: 'in_progress',
      progress_detail: `${current_phase} at work`,
      test_iteration: 0,
      phases_completed: [],
      started_at: now,
      last_updated: now,
      ...over,
    });
  }
}
