// A Claude Code session as it writes itself down: transcripts of the main conversation and of subagents, the hooks that
// it calls and the telemetry that it sends. The shapes are the agent's, the content is invented.

import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Json = Record<string, unknown>;

/** Tokens of one call by type. */
export interface Tokens {
  input: number;
  output: number;
  cacheRead?: number;
  cacheWrite?: number;
}

export interface Call {
  message: string;
  request: string;
  model?: string;
  tokens: Tokens;
  /** Content blocks; a text by default. */
  content?: Json[];
  stop?: string | null;
}

const PROJECT = '-home-robin-invoice-portal';

export class ClaudeSession {
  readonly file: string;
  readonly #folder: string;
  #records = 0;

  /** `config` is its configuration folder; `cwd` the folder that it works in. */
  constructor(
    config: string,
    readonly id: string,
    readonly cwd: string,
  ) {
    this.#folder = join(config, 'projects', PROJECT);
    this.file = join(this.#folder, `${id}.jsonl`);
  }

  /** What the user asks. */
  prompt(text: string): void {
    this.#write(undefined, { type: 'user', message: { role: 'user', content: text } });
  }

  /** One line of a call to the model, in the main conversation or in a subagent's. */
  call(call: Call, agent?: string): void {
    const { input, output, cacheRead = 0, cacheWrite = 0 } = call.tokens;
    this.#write(agent, {
      type: 'assistant',
      requestId: call.request,
      message: {
        id: call.message,
        type: 'message',
        role: 'assistant',
        model: call.model ?? 'claude-opus-4-8',
        content: call.content ?? [{ type: 'text', text: 'Looking at the rounding.' }],
        stop_reason: call.stop === undefined ? 'tool_use' : call.stop,
        usage: {
          input_tokens: input,
          output_tokens: output,
          cache_read_input_tokens: cacheRead,
          cache_creation_input_tokens: cacheWrite,
          cache_creation: { ephemeral_5m_input_tokens: cacheWrite, ephemeral_1h_input_tokens: 0 },
          service_tier: 'standard',
        },
      },
    });
  }

  /** What a subagent is told when it begins. */
  subagentPrompt(agent: string, text: string): void {
    this.#write(agent, { type: 'user', message: { role: 'user', content: text } });
  }

  /** The tool that started a subagent answers. */
  subagentDone(agent: string, use: string): void {
    this.#write(undefined, {
      type: 'user',
      message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: use, content: [{ type: 'text', text: 'Found three places.' }] }] },
      toolUseResult: { status: 'completed', agentId: agent, totalDurationMs: 4_200, totalTokens: 1 },
    });
  }

  /** The body of a hook. */
  hook(event: string, over: Json = {}): Json {
    return {
      session_id: this.id,
      transcript_path: this.file,
      cwd: this.cwd,
      permission_mode: 'default',
      hook_event_name: event,
      ...over,
    };
  }

  /** The telemetry of one call: a body of `POST /v1/logs` as JSON. */
  telemetry(call: Call, costUsd: number): Json {
    const { input, output, cacheRead = 0, cacheWrite = 0 } = call.tokens;
    const attributes = {
      'event.name': 'api_request',
      'event.timestamp': new Date().toISOString(),
      'event.sequence': String(this.#records),
      'session.id': this.id,
      model: call.model ?? 'claude-opus-4-8',
      cost_usd: String(costUsd),
      duration_ms: '2100',
      input_tokens: String(input),
      output_tokens: String(output),
      cache_read_tokens: String(cacheRead),
      cache_creation_tokens: String(cacheWrite),
      request_id: call.request,
    };
    const record = {
      timeUnixNano: `${Date.now()}000000`,
      body: { stringValue: 'claude_code.api_request' },
      attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })),
    };
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'claude-code' } }] };
    return { resourceLogs: [{ resource, scopeLogs: [{ scope: { name: 'com.anthropic.claude_code.events' }, logRecords: [record] }] }] };
  }

  #write(agent: string | undefined, record: Json): void {
    this.#records += 1;
    const file = agent === undefined ? this.file : join(this.#folder, this.id, 'subagents', `agent-${agent}.jsonl`);
    mkdirSync(dirname(file), { recursive: true });
    const line = {
      parentUuid: null,
      isSidechain: agent !== undefined,
      ...(agent !== undefined && { agentId: agent }),
      userType: 'external',
      cwd: this.cwd,
      sessionId: this.id,
      version: '2.1.40',
      gitBranch: 'main',
      ...record,
      uuid: `00000000-0000-4000-8000-${String(this.#records).padStart(12, '0')}`,
      timestamp: new Date().toISOString(),
    };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  }
}

/** Posts JSON as agents do; the status of the answer and its body. */
export async function post(url: string, body: Json): Promise<{ status: number; body: string }> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.text() };
}
