// The types of the API, generated from its description (crates/forgecast-server/openapi.json) by `cargo xtask gen`. Do not edit.

/** The version of the live protocol. */
export const PROTOCOL_VERSION = 1;
/** Seconds between heartbeats. */
export const HEARTBEAT_S = 2;

export interface paths {
    "/api/v1/budgets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the hard budgets stand */
        get: operations["listBudgets"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/budgets/clear": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stops nobody until the budget's period ends
         * @description Answered when it is on disk. `forgecast budget clear` does the same.
         */
        post: operations["clearBudget"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/budgets/raise": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Allows so much until the budget's period ends
         * @description Answered when it is on disk. `forgecast budget raise` does the same.
         */
        post: operations["raiseBudget"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends facts: one envelope or an array of them
         * @description Answered when they are on disk. With an `id` a fact counts once however often it is sent, so send again what was answered with 503 or 507. Up to 20 MiB, as it is or with gzip.
         */
        post: operations["pushEvents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hooks/claude": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes a hook of Claude Code
         * @description Answered before it is decoded, stored or shown: a hook costs its agent nothing, and what becomes of it does not show. The answer has no body, unless a hard budget is spent: then PreToolUse and UserPromptSubmit are refused, with the reason.
         */
        post: operations["claudeHook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hooks/claude/permission": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes a request for permission, and waits for a person's answer
         * @description Answered when somebody answered it, for this one use. Otherwise without a body, after ten minutes at most: the agent asks in its own terminal.
         */
        post: operations["claudePermission"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hooks/codex": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes a hook of Codex
         * @description Answered before it is decoded, stored or shown, and never with a body. `forgecast hook codex` sends it, because the hooks of Codex run commands.
         */
        post: operations["codexHook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes back a session that was exported */
        post: operations["importSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How much of each plan is used up, by whom, and when the rest will be
         * @description Official where a source says so, estimated where none does, unknown once the window that was read has ended.
         */
        get: operations["getLimits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follows topics over a WebSocket
         * @description Answers 101 to a WebSocket handshake and 400 to anything else. Text frames, one JSON message each: the viewer subscribes to topics, the server sends a snapshot and then what changes; see docs/protocol.md.
         */
        get: operations["live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Exchanges a token for a cookie
         * @description The cookie is HttpOnly and SameSite=Strict, and dies with its token.
         */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Takes the cookie away */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in */
        get: operations["me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists targets and what was sent to them
         * @description Neither addresses nor secrets of targets are part of it.
         */
        get: operations["listNotifications"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends again what was not delivered
         * @description Enables the target again, and attempts at once what waits and what was given up, as far as it is still needed.
         */
        post: operations["retryNotifications"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/silence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends nothing for a while
         * @description What is still needed at the end is sent then.
         */
        post: operations["silenceNotifications"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/notifications/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends a test message at once
         * @description Answered when it is known what became of it, within a few seconds.
         */
        post: operations["testNotification"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/outcomes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How sessions ended, by day or project */
        get: operations["getOutcomes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists sessions, older ones included */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The whole view of a session */
        get: operations["getSession"];
        put?: never;
        post?: never;
        /**
         * Removes a session and its facts
         * @description Tokens and money that were counted stay in the reports. `forgecast forget` does the same.
         */
        delete: operations["forgetSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/approvals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the agents of a session wait to be allowed
         * @description Exactly and whole, neither cleaned nor masked.
         */
        get: operations["listApprovals"];
        put?: never;
        /**
         * Allows or denies one use of a tool, once
         * @description Answered when it is on disk and the agent has it.
         */
        post: operations["answerApproval"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/at/{revision}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The view as it was at a revision */
        get: operations["getSessionAt"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The facts of a session, in order */
        get: operations["getEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Everything about a session in one document */
        get: operations["exportSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/files/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A file of the session, as plain text
         * @description Only files that the view lists among its artifacts, cleaned and masked like everything that agents write.
         */
        get: operations["getFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Follows a session as events */
        get: operations["followSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lines of a session's log */
        get: operations["getLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/log/matches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The numbers of the lines that match */
        get: operations["findLines"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/series": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One number over time */
        get: operations["getSeries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/{id}/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The past of a session in brief, as a scale of time shows it */
        get: operations["getTimeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Follows the index as events */
        get: operations["followSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tokens and money, by day, project, model, phase or session
         * @description From everything that was ever counted, also by sessions that are no longer kept. `forgecast usage --json` prints the same.
         */
        get: operations["getStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process answers */
        get: operations["alive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Counters and gauges for Prometheus */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This description */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether everything works, and what does not */
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes logs of agents: OTLP over HTTP
         * @description The answer is written as the request is. 503 and only 503 is worth sending again, after `Retry-After`.
         */
        post: operations["exportLogs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes metrics of agents: OTLP over HTTP
         * @description The answer is written as the request is. 503 and only 503 is worth sending again, after `Retry-After`.
         */
        post: operations["exportMetrics"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What kind of doing. */
        ActivityKind: "tool" | "tests" | "thinking" | "words" | "phase";
        /** @description What an agent is doing, by a line that tells of no single use of a tool. */
        ActivityReported: {
            /** @description What it is doing. */
            activity: components["schemas"]["AgentActivity"];
            /** @description The agent; absent for the main one. */
            agent?: string;
            /** @description What it says of it in its own words, one line. */
            words?: string;
        };
        /** @description What an agent is doing. */
        AgentActivity: "alive" | "working";
        /** @description What one agent of the session is doing. */
        AgentReported: {
            /** @description `scout`, `builder`, `general-purpose`, … */
            agent_type?: string;
            /**
             * Format: double
             * @description What the run that ended cost by its producer's account, US dollars.
             */
            cost_usd?: number;
            /**
             * Format: double
             * @description How long the run that ended took by its producer's account, seconds.
             */
            duration_seconds?: number;
            /** @description Why it failed. */
            error?: string;
            /** @description The agent's id within the session. */
            id: string;
            /**
             * Format: uint32
             * @description Issues it mended.
             */
            issues_fixed?: number;
            /**
             * Format: uint32
             * @description Issues it found.
             */
            issues_found?: number;
            /** @description The model, by the producer's word. */
            model?: string;
            /** @description A name for people. */
            name?: string;
            /** @description The id of the agent that started it. */
            parent?: string;
            /** @description The phase it works in. */
            phase?: string;
            /**
             * Format: double
             * @description 0 to 100.
             */
            progress_percent?: number;
            /** @description Whose model it runs on, by the producer's word: `claude`, `codex`. */
            provider?: string;
            /** @description `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word. */
            status?: string;
            /** @description When it began and ended, by a source that kept that. Absent: the times of its reports say so. */
            times?: components["schemas"]["AgentTimes"];
            /**
             * Format: uint64
             * @description Tokens used so far.
             */
            tokens?: number;
            /**
             * Format: uint64
             * @description The limit that the producer names.
             */
            tokens_limit?: number;
        };
        /** @description When an agent was at work, as far as its source knows. */
        AgentTimes: {
            /** @description End; absent: not known, or it has not ended. */
            ended_at?: components["schemas"]["Timestamp"];
            /** @description Beginning; absent: not known. */
            started_at?: components["schemas"]["Timestamp"];
        };
        /** @description What an agent itself says that a session used in all. It knows calls that no transcript tells of, so it may say more than is counted. */
        AgentTotal: {
            /** @description Of when it is, by the agent. */
            at?: components["schemas"]["Timestamp"];
            /**
             * Format: uint64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: uint64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: double
             * @description US dollars by the agent's own prices.
             */
            cost_usd?: number;
            /**
             * Format: uint64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /**
             * Format: uint64
             * @description Written by the model.
             * @default 0
             */
            output: number;
            /**
             * @description Whether the agent knew the price of every model.
             * @default false
             */
            priced: boolean;
            /**
             * Format: uint64
             * @description Searches of the web.
             * @default 0
             */
            web_searches: number;
        };
        /** @description What agents say that their own sessions cost, beside what was counted of the same sessions. Agents know calls that no transcript tells of, so they may say more. */
        AgentTotals: {
            /**
             * Format: double
             * @description US dollars by the agents' own account.
             */
            cost_usd: number;
            /**
             * Format: double
             * @description US dollars that were counted of the same sessions.
             */
            counted_usd: number;
            /**
             * Format: uint64
             * @description Sessions of which an agent says what they cost.
             */
            sessions: number;
        };
        /** @description One agent. */
        AgentView: {
            /**
             * Format: double
             * @description What all of its runs cost by its producer's account, US dollars. Beside `Usage`, never added to it.
             */
            cost_usd?: number;
            /**
             * Format: double
             * @description How long all of its runs took by its producer's account, seconds.
             */
            duration_seconds?: number;
            /** @description End. */
            ended_at?: components["schemas"]["Timestamp"];
            /** @description Why it failed. */
            error?: string;
            /**
             * Format: uint32
             * @description Issues it mended.
             */
            issues_fixed?: number;
            /**
             * Format: uint32
             * @description Issues it found.
             */
            issues_found?: number;
            /** @description The model, by the producer's word. */
            model?: string;
            /** @description A name for people. */
            name?: string;
            /** @description The agent that started it. */
            parent?: string;
            /** @description The phase it works in. */
            phase?: string;
            /**
             * Format: double
             * @description 0 to 100.
             */
            progress_percent?: number;
            /** @description Whose model it runs on, by the producer's word: `claude`, `codex`. */
            provider?: string;
            /**
             * Format: uint32
             * @description How often it was started, of an agent that is known by its role.
             */
            runs?: number;
            /** @description Beginning. */
            started_at?: components["schemas"]["Timestamp"];
            /** @description `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word. */
            status: string;
            /**
             * Format: uint64
             * @description Tokens used.
             */
            tokens?: number;
            /**
             * Format: uint64
             * @description The limit that the producer names.
             */
            tokens_limit?: number;
            /** @description `scout`, `builder`, `general-purpose`, … */
            type?: string;
        };
        /** @description One use of a tool that waits for an answer. */
        Approval: {
            /** @description When it was asked for. */
            asked_at: components["schemas"]["Timestamp"];
            /** @description SHA-256 of the tool and the input, hexadecimal. An answer repeats it. */
            digest: string;
            /** @description When the agent asks in its own terminal only, if nobody answered. */
            ends_at: components["schemas"]["Timestamp"];
            /** @description Its id. */
            id: string;
            /** @description What it is used on, exactly and whole: neither shortened nor masked. This is what runs when it is allowed. */
            input: unknown;
            /** @description The tool. */
            tool: string;
        };
        /** @description An answer to one request. It holds once. */
        ApprovalAnswer: {
            /** @description Whether it is allowed, this once. */
            allow: boolean;
            /** @description The digest of what was shown. */
            digest: string;
            /** @description The request. */
            id: string;
            /** @description Why not, for the agent to read; only when it is denied. */
            reason?: string;
        };
        /** @description A person answered from afar what an agent asked to be allowed. */
        ApprovalAnswered: {
            /** @description The subagent that asked; absent for the main one. */
            agent?: string;
            /** @description Whether this one use was allowed. */
            allowed: boolean;
            /** @description Who answered: the name of the token. */
            by: string;
            /** @description SHA-256 of what was shown, hexadecimal. */
            digest: string;
            /** @description Why not. */
            reason?: string;
            /** @description The id of the request. */
            request: string;
            /** @description What it is used on, in one line. */
            summary?: string;
            /** @description The tool. */
            tool: string;
        };
        /** @description What the agents of a session wait to be allowed, oldest first. */
        Approvals: {
            /** @description The requests. */
            approvals: components["schemas"]["Approval"][];
        };
        /** @description A file of the session was created, changed or removed. */
        ArtifactChanged: {
            /** @description The producer's own time of it (`completed_at`), which says whose run it is. */
            dated?: components["schemas"]["Timestamp"];
            /** @description What it is. */
            kind: components["schemas"]["ArtifactKind"];
            /** @description When the file was last changed. */
            modified_at: components["schemas"]["Timestamp"];
            /** @description Path relative to the project's folder; also the name by which it is opened. */
            name: string;
            /** @description The file was removed. */
            removed?: boolean;
            /**
             * Format: uint64
             * @description Bytes.
             */
            size: number;
        };
        /** @description What an artifact is. */
        ArtifactKind: "summary" | "test_report" | "feedback" | "patterns" | "tasks" | "document" | "log" | "other";
        /** @description One file of the session. */
        ArtifactView: {
            /** @description What it is. */
            kind: components["schemas"]["ArtifactKind"];
            /** @description Last change. */
            modified_at: components["schemas"]["Timestamp"];
            /**
             * Format: uint64
             * @description Bytes.
             * @default 0
             */
            size: number;
        };
        /** @description What needs a person's notice: the latest of it, until the session goes on. */
        Attention: {
            /** @description What happened. */
            kind: components["schemas"]["AttentionKind"];
            /** @description Which mark of the budget or the limit was passed, for `budget` and `limit`; `safe` when a limit was reset. */
            level?: components["schemas"]["BudgetLevel"];
            /**
             * Format: uint64
             * @description Its number. It only grows within a session, so a viewer tells each number once and sees what it missed.
             */
            seq: number;
            /** @description When it happened. */
            since: components["schemas"]["Timestamp"];
            /** @description One line: why, or for a session that is completed what it did. May be empty. */
            text: string;
            /** @description It waits because a turn ended by itself, or because the user stopped it: worth showing, and no reason to call anybody. */
            your_turn?: boolean;
        };
        /** @description What is worth a person's notice. */
        AttentionKind: "completed" | "failed" | "waiting" | "stalled" | "budget" | "limit";
        /** @description How a budget stands, as of the last mark that was passed. */
        Budget: {
            /** @description How near it is. */
            level: components["schemas"]["BudgetLevel"];
            /**
             * Format: double
             * @description US dollars allowed.
             */
            limit_usd: number;
        };
        /** @description Which budget is cleared. */
        BudgetClear: {
            /** @description Its name. */
            budget: string;
        };
        /** @description A hook of an agent was answered with a refusal, because a hard budget was used up. */
        BudgetDenied: {
            /** @description Its name, as commands take it: `day`, `session/0b3c…`. */
            budget: string;
            /** @description What was refused, as the agent names its hook: `PreToolUse`, `UserPromptSubmit`. */
            hook: string;
            /**
             * Format: double
             * @description US dollars allowed.
             */
            limit_usd: number;
            /** @description Which day or month; absent for a session's. */
            period?: string;
            /** @description What the budget is for. */
            scope: components["schemas"]["BudgetScope"];
            /**
             * Format: double
             * @description US dollars spent by the transcripts of this machine.
             */
            spent_usd: number;
        };
        /** @description How near a limit is. */
        BudgetLevel: "safe" | "warning" | "critical" | "exceeded";
        /** @description A budget or a threshold of it was passed. Goes to the session whose call passed it, once per threshold. */
        BudgetPassed: {
            /** @description How near the limit it is now; `exceeded` when it is passed. */
            level: components["schemas"]["BudgetLevel"];
            /**
             * Format: double
             * @description US dollars allowed.
             */
            limit_usd: number;
            /** @description Which day or month (`2026-11-22`, `2026-11`); absent for a session's. */
            period?: string;
            /** @description Which budget. */
            scope: components["schemas"]["BudgetScope"];
            /**
             * Format: double
             * @description US dollars spent.
             */
            spent_usd: number;
        };
        /** @description Which budget is raised, and to what. */
        BudgetRaise: {
            /** @description Its name. */
            budget: string;
            /**
             * Format: double
             * @description US dollars allowed until its period ends.
             */
            usd: number;
        };
        /** @description An administrator changed a hard budget until its period ends. */
        BudgetRaised: {
            /** @description Its name, as commands take it. */
            budget: string;
            /**
             * Format: double
             * @description US dollars allowed from now on; absent: as many as it takes.
             */
            limit_usd?: number;
            /** @description Which day or month; absent for a session's. */
            period?: string;
            /** @description What the budget is for. */
            scope: components["schemas"]["BudgetScope"];
            /**
             * Format: double
             * @description US dollars spent by then.
             */
            spent_usd: number;
        };
        /** @description How a budget stands at the moment. */
        BudgetReport: {
            /** @description How near the limit it is. */
            level: components["schemas"]["BudgetLevel"];
            /**
             * Format: double
             * @description US dollars allowed.
             */
            limit_usd: number;
            /** @description Which one: `2026-11-22`, `2026-11`. */
            period: string;
            /** @description What is spent at the end of the period; absent before 30 minutes of use are known. */
            projected_usd?: components["schemas"]["CostRange"];
            /** @description Day or month. */
            scope: components["schemas"]["BudgetScope"];
            /**
             * Format: double
             * @description US dollars spent.
             */
            spent_usd: number;
        };
        /** @description What a budget is for. */
        BudgetScope: "session" | "day" | "month" | "project";
        /** @description How fast tokens and money go at the moment. */
        BurnRate: {
            /**
             * Format: double
             * @description Tokens per minute.
             */
            tokens_per_minute: number;
            /**
             * Format: double
             * @description US dollars per hour.
             */
            usd_per_hour: number;
            /**
             * Format: uint32
             * @description Over how many seconds it was measured, up to now.
             */
            window_s: number;
        };
        /** @description What a token, or the place that a request comes from, allows. */
        CallerRole: "view" | "ingest" | "approve" | "admin" | "local" | "guest";
        /** @description Which call it is. A call without a message and without a request is counted every time it is told. */
        CallId: {
            /** @description The id of the model's message, `msg_…`. */
            message_id?: string;
            /** @description The id of the request, `req_…`; the one thing that transcripts and telemetry both name. */
            request_id?: string;
            /** @description Told in a side chain, where messages of the parent are replayed under other requests. */
            sidechain?: boolean;
        };
        /** @description What one source knows of one call to a model, as totals of that call. The hub's ledger turns it into `UsageRecorded`; it is neither folded nor stored as it is. */
        CallReported: {
            /** @description The subagent that made the call; absent for the main one. */
            agent?: string;
            /**
             * Format: uint64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: uint64
             * @description Written to the cache for an hour.
             * @default 0
             */
            cache_write_1h: number;
            /**
             * Format: uint64
             * @description Written to the cache for five minutes, or for an unknown time.
             * @default 0
             */
            cache_write_5m: number;
            /** @description Which call. */
            call: components["schemas"]["CallId"];
            /**
             * Format: uint64
             * @description Tokens that fit into the context window of the model, by the source; absent when it does not say.
             */
            context_window?: number;
            /**
             * Format: double
             * @description US dollars by the source's own account. Absent: the price table says.
             */
            cost_usd?: number;
            /** @description Whether the call ran in fast mode, which has another price; absent when the source does not say. */
            fast?: boolean;
            /** @description Where the model had to run, as the vendor names it: `us` costs more. Absent: anywhere. */
            inference_geo?: string;
            /**
             * Format: uint64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /** @description The model as the source names it; absent when it names none (`<synthetic>` is none). */
            model?: string;
            /**
             * Format: uint64
             * @description Where in its source it stands, bytes: of two equal accounts in different files the one of the first file counts, then the one that stands first, so that the order of arrival decides nothing.
             * @default 0
             */
            offset: number;
            /**
             * Format: uint64
             * @description Written by the model.
             * @default 0
             */
            output: number;
            /** @description Who says so. */
            source: components["schemas"]["UsageSource"];
            /** @description Ids of the uses of tools that the model asked for in this call (`toolu_…`): hooks name only those. */
            tools?: string[];
            /** @description When the call was made, by the source; else the time of the event counts. */
            used_at?: components["schemas"]["Timestamp"];
            /**
             * Format: uint64
             * @description Searches of the web that the call made, which are billed one by one. A cost by the source's own account includes them.
             */
            web_searches?: number;
        };
        /** @description What the files of one checkpoint folder say together. */
        CheckpointReported: {
            /** @description What `state.json` holds under `artifacts`, as it stands there (64 KiB of it): texts and paths by name. */
            artifacts?: {
                [key: string]: unknown;
            };
            /** @description Whether the marker `COMPLETE` is there. */
            complete?: boolean;
            /** @description Tasks done. */
            completed?: string[];
            /**
             * Format: uint32
             * @description How many rounds the loop has made.
             */
            iterations?: number;
            /** @description The producer's time of the last round. */
            last_iteration_at?: components["schemas"]["Timestamp"];
            /** @description The phase before this one. */
            last_phase?: string;
            /** @description Remarks. */
            notes?: string[];
            /** @description `scout`, `architect`, `builder` or `complete`. */
            phase?: string;
            /** @description The name of the project. */
            project?: string;
            /** @description Tasks to do. */
            remaining?: string[];
            /** @description The producer's time of the beginning. */
            started_at?: components["schemas"]["Timestamp"];
            /** @description What the build was asked to do. */
            task?: string;
            /** @description The folder that the build works in, as text. */
            working_directory?: string;
        };
        /** @description What a viewer sends. */
        ClientMessage: {
            /**
             * @description The epoch of what the viewer has.
             * @example 51ab03ff
             */
            epoch?: string;
            /**
             * Format: uint64
             * @description For a log: the number of the first line that is wanted.
             */
            offset?: number;
            /**
             * Format: uint64
             * @description The revision of what the viewer has.
             */
            revision?: number;
            /**
             * @description What to follow.
             * @example session/weather-app~1
             */
            topic: string;
            /** @constant */
            type: "subscribe";
        } | {
            /**
             * @description What was followed, by the name that was used or by the canonical one.
             * @example session/weather-app~1
             */
            topic: string;
            /** @constant */
            type: "unsubscribe";
        };
        /** @description Who says that the build ended. */
        CompletionBasis: "summary" | "marker" | "reported" | "closed";
        /** @description The build, or what reads its files, says that it ended. */
        CompletionReported: {
            /** @description Who says so. */
            basis: components["schemas"]["CompletionBasis"];
            /** @description The producer's time of the end. */
            completed_at?: components["schemas"]["Timestamp"];
            /**
             * Format: double
             * @description How long it took by the producer's account, minutes.
             */
            duration_minutes?: number;
            /** @description Web addresses, by label. */
            links?: {
                [key: string]: string;
            };
            /** @description What the producer says of each phase, by its word for the phase. */
            phases?: {
                [key: string]: components["schemas"]["PhaseResult"];
            };
            /** @description Phases that the producer calls done. */
            phases_completed?: string[];
            /** @description The producer's time of the beginning. */
            started_at?: components["schemas"]["Timestamp"];
            /** @description The producer's word. */
            status?: string;
            /** @description Whether it ended well; absent when the producer's word says neither (then it does not end the build). */
            success?: boolean;
            /** @description One line. */
            summary?: string;
            /** @description What the build was asked to do. */
            task?: string;
        };
        /** @description How full the context window is. */
        ContextWindow: {
            /** @description `safe` below 50 %, `warning`, `critical` from 75 %. */
            level: components["schemas"]["BudgetLevel"];
            /**
             * Format: uint64
             * @description Tokens that fit.
             * @default 0
             */
            limit: number;
            /** @description Who says how many fit; absent: nobody, it is assumed. */
            limit_from?: components["schemas"]["WindowSource"];
            /**
             * Format: double
             * @description 0 to 100.
             */
            percent: number;
            /**
             * Format: uint64
             * @description Tokens in it.
             */
            used?: number;
        };
        /** @description A projection in US dollars: what it comes to at the lowest and at the highest rate of the last two hours. */
        CostRange: {
            /**
             * Format: double
             * @description At the highest rate.
             */
            high: number;
            /**
             * Format: double
             * @description At the lowest rate.
             */
            low: number;
        };
        /** @description The current phase. */
        CurrentPhase: {
            /** @description What it is doing, one line. */
            detail?: string;
            /** @description Name: a word of the vocabulary, or the producer's own. */
            name: string;
            /** @description Its number as the producer writes it, without the total: `4`, `4.5`. */
            number?: string;
            /** @description Its beginning. */
            started_at?: components["schemas"]["Timestamp"];
            /**
             * Format: uint32
             * @description How many phases there are, by the producer's account.
             */
            total?: number;
        };
        /**
         * @description The place between two pages; only of use for going on from there.
         * @example 7b7d
         */
        Cursor: string;
        /** @description An event of a kind that Forgecast does not know, kept and passed on as it came. */
        Custom: {
            /**
             * @description Its content.
             * @default null
             */
            data: unknown;
            /** @description The producer's word for it. */
            kind: string;
        };
        /** @description What ended a turn before the agent did. */
        CutShort: "error" | "user";
        /**
         * @description A date of the server's calendar, or a moment which means its day.
         * @example 2026-11-22
         */
        Day: string | unknown | unknown;
        /** @description A decision, an issue that was found, or a lesson. Ratings that nobody gave are absent. */
        DecisionRecorded: {
            /** @description Phases it applies to. */
            applies_to_phases?: string[];
            /** @description `Testing`, `Architecture`, … */
            category?: string;
            /** @description How sure its author is, as written. */
            confidence?: string;
            /**
             * Format: double
             * @description 1 to 5, when somebody rated it.
             */
            difficulty?: number;
            /** @description What makes it the same decision when it is read again: file and id. */
            key: string;
            /** @description Whether a lesson of an earlier build was applied. */
            lesson_used?: boolean;
            /** @description The phase in which it was made or found. */
            phase?: string;
            /**
             * Format: double
             * @description 1 to 5, when somebody rated it.
             */
            quality?: number;
            /** @description Why it came about. */
            root_cause?: string;
            /** @description `HIGH`, `MEDIUM`, `LOW`, or the producer's word. */
            severity?: string;
            /** @description The phase that should have found it. */
            should_detect_in_phase?: string;
            /** @description What was or should be done. */
            solution?: string;
            /** @description One line. */
            title: string;
        };
        /** @description Decisions and lessons. */
        Decisions: {
            /**
             * Format: double
             * @description Mean of the ratings that were given, 1 to 5.
             */
            avg_quality?: number;
            /**
             * Format: uint32
             * @description How many applied a lesson of an earlier build.
             * @default 0
             */
            lessons_used: number;
            /** @description The newest 50 by key. */
            recent?: {
                [key: string]: components["schemas"]["DecisionView"];
            };
            /**
             * Format: uint32
             * @description How many there are.
             * @default 0
             */
            total: number;
        };
        /** @description One decision. */
        DecisionView: {
            /** @description When it was learned. */
            at?: components["schemas"]["Timestamp"];
            /** @description `Testing`, `Architecture`, … */
            category?: string;
            /** @description How sure its author is, as written. */
            confidence?: string;
            /**
             * Format: double
             * @description 1 to 5, when somebody rated it.
             */
            difficulty?: number;
            /** @description Whether a lesson of an earlier build was applied. */
            lesson_used?: boolean;
            /** @description The phase in which it was made or found. */
            phase?: string;
            /**
             * Format: double
             * @description 1 to 5, when somebody rated it.
             */
            quality?: number;
            /** @description Why it came about. */
            root_cause?: string;
            /** @description `HIGH`, `MEDIUM`, `LOW`, or the producer's word. */
            severity?: string;
            /** @description The phase that should have found it. */
            should_detect_in_phase?: string;
            /** @description What was or should be done. */
            solution?: string;
            /** @description One line. */
            title: string;
        };
        /** @description One fact as it is pushed. The fields of its kind stand beside these, or together in `data`; names, times and numbers are read leniently: what cannot be read is a problem of the session, and the rest is taken. */
        Envelope: {
            /** @description The producer's time, RFC 3339. */
            at?: string;
            /** @description The fields of the fact, when they do not stand in the envelope. */
            data?: unknown;
            /** @description The absolute path of the folder that the session works in, without `.` or `..`. */
            directory?: string;
            /** @description Whether the fact was learned then, not now. */
            history?: boolean;
            /** @description The same id twice is the same fact, within the session and the folder that are named. A number is taken for its digits. */
            id?: string;
            /** @description The name of the build, or the id of a run. Any text: one that cannot be an id has one made of it. */
            session?: string;
            /** @description Another name for `session`, used in the envelopes of broadcasters. */
            session_id?: string;
            /** @description `session_seen`, `phase_reported`, `checkpoint_reported`, `task_reported`, `tests_reported`, `agent_reported`, `decision_recorded`, `pattern_recorded`, `artifact_changed`, `usage_recorded`, `tool_used`, `waiting_began`, `waiting_ended`, `activity_reported`, `error_reported`, `completion_reported`, `problem_found`, `problem_cleared`, `source_gone`, `source_returned`, each with the fields of the fact of this name; any other word is passed on as it is. */
            type: string;
        } | unknown | unknown | unknown;
        /**
         * @description One envelope or several.
         * @example {
         *       "detail": "writing the parser",
         *       "id": "run-7/step-3",
         *       "phase": "Builder",
         *       "session": "weather-app",
         *       "status": "building",
         *       "type": "phase_reported"
         *     }
         */
        Envelopes: components["schemas"]["Envelope"] | components["schemas"]["Envelope"][];
        /**
         * @description Within an epoch revisions can be compared; a viewer that holds another one gets a snapshot, never a patch.
         * @example 51ab03ff
         */
        Epoch: string;
        /** @description The body of every error answer: RFC 9457 `application/problem+json`. */
        ErrorBody: {
            /** @description What is wrong with this request and the way out; absent when the cause stays in the log. */
            detail?: string;
            /** @description Finds the cause in the server's log. */
            request_id?: string;
            /**
             * Format: uint16
             * @description The HTTP status.
             */
            status: number;
            /** @description The kind of error in a few words. */
            title: string;
            /** @description A stable identifier of the kind of error, `urn:forgecast:error:<word>`. */
            type: string;
        };
        /** @description Something failed without ending the build. */
        ErrorReported: {
            /** @description More of it. */
            details?: string;
            /** @description What failed, one line. */
            message: string;
        };
        /** @description One reported error. */
        ErrorView: {
            /** @description When it was reported. */
            at: components["schemas"]["Timestamp"];
            /** @description More of it. */
            details?: string;
            /** @description One line. */
            message: string;
        };
        /** @description What is likely to remain, counted from `at`; worked out from history, absent when there is none. */
        Estimate: {
            /** @description When it was worked out. */
            at: components["schemas"]["Timestamp"];
            /** @description What it rests on, one line: `median of 4 earlier runs of this project`. */
            basis: string;
            /**
             * Format: uint64
             * @description Seconds, upper quartile.
             * @default 0
             */
            high_s: number;
            /**
             * Format: uint64
             * @description Seconds, lower quartile.
             * @default 0
             */
            low_s: number;
            /**
             * Format: uint64
             * @description Seconds, median.
             * @default 0
             */
            remaining_s: number;
        };
        /** @description What is likely to remain, computed from history. All absent takes an earlier estimate back. */
        EstimateRevised: {
            /** @description The estimate, when history gives one. */
            estimate?: components["schemas"]["Estimate"];
        };
        /** @description One fact, with whose it is, when it was learned and where it comes from. */
        Event: {
            /** @description When Forgecast learned it. Order is the order of arrival; the producer's own times are inside the fact. */
            at: components["schemas"]["Timestamp"];
            /** @description The fact. */
            fact: components["schemas"]["Fact"];
            /** @description The producer's id; the same id twice is the same fact, within the session and the folder that the producer named. Facts read from files have none: their checkpoint tells. */
            id?: components["schemas"]["EventId"];
            /** @description Where it comes from. */
            origin: components["schemas"]["Origin"];
            /** @description Which session it belongs to, as far as the source can tell. */
            subject: components["schemas"]["Subject"];
        };
        /**
         * @description The producer's id of an event; the same id twice is the same event.
         * @example run-7/step-3
         */
        EventId: string;
        /** @description Facts, in order. */
        EventPage: {
            /** @description The facts; the last one's `sequence` is the `after` of the next page. */
            events: components["schemas"]["StoredEvent"][];
        };
        /** @description Everything that is stored of one session: `forgecast import` and `POST /api/v1/import` read it back. */
        Exported: {
            /** @description All facts that are kept. */
            events: components["schemas"]["StoredEvent"][];
            /** @description All log lines that are kept. */
            log: components["schemas"]["LogLine"][];
            /**
             * Format: uint64
             * @description Its newest stored revision.
             */
            revision: number;
            /** @description Its newest row in the overview. */
            row?: components["schemas"]["SessionRow"];
            /** @description What makes it the one it is. */
            session: components["schemas"]["StoredSession"];
        };
        /** @description OTLP: `ExportLogsServiceRequest`. */
        ExportLogs: {
            resourceLogs?: Record<string, never>[];
        };
        /** @description OTLP: `ExportMetricsServiceRequest`. */
        ExportMetrics: {
            resourceMetrics?: Record<string, never>[];
        };
        /** @description `ExportLogsServiceResponse`, `ExportMetricsServiceResponse`; empty when everything was taken. */
        ExportResponse: {
            /** @description What was not taken. */
            partialSuccess?: components["schemas"]["PartialSuccess"];
        };
        /** @description A fact. Every field that a producer may leave out is optional: absent means "not said", never zero. */
        Fact: components["schemas"]["SessionSeen"] | components["schemas"]["PhaseReported"] | components["schemas"]["CheckpointReported"] | components["schemas"]["TaskReported"] | components["schemas"]["TestsReported"] | components["schemas"]["AgentReported"] | components["schemas"]["DecisionRecorded"] | components["schemas"]["PatternRecorded"] | components["schemas"]["ArtifactChanged"] | components["schemas"]["CallReported"] | components["schemas"]["UsageRecorded"] | components["schemas"]["LimitReported"] | components["schemas"]["LimitPassed"] | components["schemas"]["BudgetPassed"] | components["schemas"]["BudgetDenied"] | components["schemas"]["BudgetRaised"] | components["schemas"]["ToolUsed"] | components["schemas"]["WaitingBegan"] | components["schemas"]["WaitingEnded"] | components["schemas"]["ApprovalAnswered"] | components["schemas"]["ProcessReported"] | components["schemas"]["ActivityReported"] | components["schemas"]["ErrorReported"] | components["schemas"]["CompletionReported"] | components["schemas"]["WentQuiet"] | components["schemas"]["EstimateRevised"] | components["schemas"]["ProblemFound"] | components["schemas"]["ProblemCleared"] | components["schemas"]["SourceGone"] | components["schemas"]["SourceReturned"] | components["schemas"]["SourceMoved"] | components["schemas"]["IndexingProgress"] | components["schemas"]["Custom"];
        /** @description By what usage is grouped. */
        GroupBy: "day" | "project" | "model" | "phase" | "session";
        /** @description A budget that stops agents once it is spent. */
        HardBudget: {
            /** @description Its name, as `raise` and `clear` take it: `day`, `month`, `project/weather-app`, `session/0b3c…` (the agent's own id of its session). */
            budget: string;
            /**
             * Format: double
             * @description US dollars that the configuration allows.
             */
            configured_usd: number;
            /**
             * Format: uint64
             * @description Hooks that were refused since the server started.
             */
            denied: number;
            /**
             * Format: double
             * @description US dollars allowed; absent when it was cleared.
             */
            limit_usd?: number;
            /** @description Which day or month; absent for a session's. */
            period?: string;
            /** @description What it is for. */
            scope: components["schemas"]["BudgetScope"];
            /**
             * Format: double
             * @description US dollars spent, counting nothing but transcripts that were read on this machine.
             */
            spent_usd: number;
        };
        /** @description The hard budgets, as they stand at the moment. */
        HardBudgets: {
            /** @description Day and month, then projects and sessions that spent half of theirs, or whose budget was changed or refused something. Empty when no budget is hard. */
            budgets: components["schemas"]["HardBudget"][];
        };
        /**
         * @description A hook of Claude Code as it comes; what is not named here is kept out of sight or passed over.
         * @example {
         *       "cwd": "/home/ann/weather-app",
         *       "hook_event_name": "Notification",
         *       "message": "Claude needs your permission to use Bash",
         *       "session_id": "258c7280-ae70-4f2e-9d0c-5a2f6a1c0b11"
         *     }
         */
        Hook: {
            /** @description The folder it works in. */
            cwd?: string;
            /** @description Which hook it is, `PostToolUse`, … */
            hook_event_name?: string;
            /** @description The agent's own session. */
            session_id?: string;
            /** @description The tool, when it is about one. */
            tool_name?: string;
            /** @description The transcript's file. */
            transcript_path?: string;
        };
        /** @description What became of an exported session. */
        ImportReceipt: {
            /**
             * Format: uint64
             * @description Facts that were stored.
             */
            events: number;
            /**
             * Format: uint64
             * @description Log lines that were stored.
             */
            log_lines: number;
            /** @description Whether it is new here; a session that was here already is left as it is. */
            new: boolean;
            /** @description The id that it has here. */
            session: components["schemas"]["SessionId"];
        };
        /** @description The `state` of the topic `sessions`. */
        Index: {
            /** @description How far the first reading of old transcripts is, while it goes on. */
            indexing?: components["schemas"]["IndexingProgress"];
            /** @description Troubles that belong to no session, by key: a root that is missing, a database that is full. */
            problems: {
                [key: string]: components["schemas"]["Problem"];
            };
            /** @description Rows by session id: all unfinished sessions and the 500 most recent. */
            sessions: {
                [key: string]: components["schemas"]["SessionRow"];
            };
            /**
             * Format: uint64
             * @description How many sessions there are in all, older ones included.
             */
            total: number;
        };
        /** @description How far the first reading of old sources is. When `done` equals `files`, it is over. */
        IndexingProgress: {
            /**
             * Format: uint64
             * @description Bytes in all.
             */
            bytes: number;
            /**
             * Format: uint64
             * @description Bytes read.
             */
            bytes_done: number;
            /**
             * Format: uint64
             * @description Files read to their end.
             */
            done: number;
            /**
             * Format: uint64
             * @description Files in all.
             */
            files: number;
        };
        /** @description How a window is known. */
        LimitBasis: "official" | "estimated";
        /** @description So much of a window of a plan is used up that its users should know, or it can be used again. Goes to the session that used it last, once per mark and window. */
        LimitPassed: {
            /** @description The account, where its owner names it. */
            account?: string;
            /** @description The agent whose plan it is. */
            agent: string;
            /** @description How near the limit it is: `warning` from 75 percent, `critical` from 90, `exceeded` when all is used up, and `safe` when the window ended after one of the last two: agents may go on. */
            level: components["schemas"]["BudgetLevel"];
            /** @description When the window ends, or ended. */
            resets_at?: components["schemas"]["Timestamp"];
            /** @description What the window limits, when that is not everything. */
            scope?: string;
            /** @description One line for people. */
            text: string;
            /**
             * Format: double
             * @description Percent that is used up; absent when the window ended.
             */
            used_percent?: number;
            /**
             * Format: uint32
             * @description Length of the window, minutes.
             */
            window_minutes: number;
        };
        /** @description A reading of one window of a plan. Belongs to an account and to no session; the hub keeps the readings of each window, and neither folds nor stores the fact itself. */
        LimitReported: {
            /** @description The account, where its owner names it; absent: the only one of the agent. */
            account?: string;
            /** @description The agent whose plan it is: `claude`, `codex`. */
            agent: string;
            /** @description When this was so. */
            observed_at: components["schemas"]["Timestamp"];
            /** @description The plan as its vendor calls it, `plus`. */
            plan?: string;
            /** @description When the window ends and nothing is used up any more, if that is said. */
            resets_at?: components["schemas"]["Timestamp"];
            /** @description What the window limits, when that is not everything: a model such as `opus`. */
            scope?: string;
            /** @description Who says so. */
            source: components["schemas"]["LimitSource"];
            /**
             * Format: double
             * @description Share of the window that is used up, from 0; above 100 when more than the plan may be used.
             */
            used_percent: number;
            /**
             * Format: uint32
             * @description Length of the window, minutes: 300 for five hours.
             */
            window_minutes: number;
        };
        /** @description What one session or project used of a window. */
        LimitShare: {
            /**
             * Format: double
             * @description US dollars.
             */
            cost_usd: number;
            /** @description The session's id, or the project. */
            key: string;
            /**
             * Format: double
             * @description Percent of everything that was counted in the window, by cost; by tokens when no cost is known.
             */
            share_percent: number;
            /**
             * Format: uint64
             * @description Tokens.
             */
            tokens: number;
            /**
             * Format: double
             * @description Percent of the whole window: its share of what is used up. Use of the account that is not counted here (another machine, the web) is divided among the sessions. Absent when it is not known how much is used up.
             */
            window_percent?: number;
        };
        /** @description Who says how much of a window is used up. */
        LimitSource: "transcript" | "status_line" | "output" | "reported";
        /** @description The windows of all plans that are known, and what is being used, all from memory. */
        LimitsReport: {
            /** @description How fast tokens and money go at the moment. */
            burn?: components["schemas"]["BurnRate"];
            /**
             * Format: double
             * @description US dollars that were used today by the server's calendar.
             * @default 0
             */
            today_usd: number;
            /** @description The windows, by agent, account and length. */
            windows: components["schemas"]["LimitWindow"][];
        };
        /** @description One window of a plan: five hours, a week. */
        LimitWindow: {
            /** @description The account, where its owner names it; absent: the only one of the agent. */
            account?: string;
            /** @description The agent whose plan it is: `claude`, `codex`. */
            agent: string;
            /** @description How it is known. Of an estimated one only its times and what was used in it are known, never a percentage. */
            basis: components["schemas"]["LimitBasis"];
            /**
             * Format: double
             * @description US dollars that these would cost by the price of the API.
             */
            cost_usd: number;
            /** @description When it was read last. */
            observed_at?: components["schemas"]["Timestamp"];
            /** @description The plan as its vendor calls it. */
            plan?: string;
            /** @description The same by project; what has no project has the empty key. */
            projects?: components["schemas"]["LimitShare"][];
            /** @description When it ends and nothing is used up any more; absent when that is not known. */
            resets_at?: components["schemas"]["Timestamp"];
            /** @description What the window limits, when that is not everything: a model such as `opus`. */
            scope?: string;
            /** @description Who used it: the sessions, the most first, at most 50. */
            sessions?: components["schemas"]["LimitShare"][];
            /** @description Who said so. */
            source?: components["schemas"]["LimitSource"];
            /**
             * Format: uint64
             * @description Tokens that the sessions used in it, as they were counted here.
             */
            tokens: number;
            /** @description Since when it is not known how much is used up: the window that was read last ended then. */
            unknown_since?: components["schemas"]["Timestamp"];
            /**
             * Format: double
             * @description Percent that is used up; above 100 when more than the plan may be used. Absent when that is not known.
             */
            used_percent?: number;
            /** @description In which range it will be used up at the present rate, with a probability of 80 %. Absent when that is after its end, when too little is known, and when nothing is being used. */
            used_up?: components["schemas"]["TimeRange"];
            /**
             * Format: uint32
             * @description Length, minutes: 300 for five hours.
             */
            window_minutes: number;
        };
        /**
         * @description A token that is to be exchanged for a cookie.
         * @example {
         *       "token": "fc_v_…"
         *     }
         */
        Login: {
            /** @description As `forgecast token` showed it, or the one of a share link. */
            token: string;
        };
        /** @description How serious a log line says it is. */
        LogLevel: "debug" | "info" | "warn" | "error";
        /** @description One line of a log: cleaned of control characters, secrets masked, colors as spans. */
        LogLine: {
            /** @description When the line arrived. */
            at: components["schemas"]["Timestamp"];
            /** @description The name of the file or producer it came from. */
            from?: string;
            /** @description `error`, `warn`, `info`, `debug`; absent when the line does not say. */
            level?: components["schemas"]["LogLevel"];
            /**
             * Format: uint64
             * @description Number of the line within the session's log: only grows. Zero until the hub has numbered it.
             * @default 0
             */
            offset: number;
            /** @description Styled parts of the text, in order, not overlapping; what is not covered has no style. */
            spans?: components["schemas"]["Span"][];
            /** @description The text without any control sequence. */
            text: string;
        };
        /** @description The numbers of the lines that match, as far as one look goes, for a viewer that shows how many there are and goes from one to the next. */
        LogMatches: {
            /**
             * Format: uint64
             * @description The number that the next new line will have.
             */
            end_offset: number;
            /**
             * Format: uint64
             * @description The number of the oldest line that is kept.
             */
            first_offset: number;
            /**
             * Format: uint64
             * @description Where the next look begins.
             */
            next_offset: number;
            /** @description The numbers of the lines that match, in order. */
            offsets: number[];
        };
        /** @description A page of a log. */
        LogPage: {
            /**
             * Format: uint64
             * @description The number that the next new line will have; the log is read to its end when `next_offset` is here.
             */
            end_offset: number;
            /**
             * Format: uint64
             * @description The number of the oldest line that is kept.
             */
            first_offset: number;
            /** @description The lines, oldest first. A page that filters ends early, even without a line, when it looked at enough of the log. */
            lines: components["schemas"]["LogLine"][];
            /**
             * Format: uint64
             * @description Where the next page begins: one behind the last line that was looked at.
             */
            next_offset: number;
        };
        /** @description What a mark stands for; the first ones are the last to be left out. */
        MarkKind: "completed" | "failed" | "abandoned" | "budget" | "waiting" | "stalled" | "resumed" | "tests_failed" | "tests_passed" | "error" | "agent";
        /** @description Who is signed in, and what this one may do. */
        Me: {
            /** @description When a guest's link ends. */
            expires_at?: components["schemas"]["Timestamp"];
            /** @description What this one may do; null for somebody without a token. */
            role: components["schemas"]["CallerRole"] | null;
            /** @description The one session that a guest may watch. */
            session?: components["schemas"]["SessionId"];
        };
        /** @description What can be drawn over time. */
        Metric: "tokens" | "cost_usd" | "tests_passed" | "tests_failed" | "progress";
        /** @description One message to one target. */
        Notification: {
            /**
             * Format: uint32
             * @description How often it was attempted. From the first attempt on its content stays as it is.
             * @default 0
             */
            attempts: number;
            /** @description When it was made. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Why the last attempt failed. */
            error?: string;
            /** @description What it says. */
            event: components["schemas"]["NotificationEvent"];
            /** @description Its id, the same in every attempt, so that receivers can drop doubles. */
            id: string;
            /** @description The sessions that need a person. */
            items: components["schemas"]["NotificationItem"][];
            /** @description Sessions that its target was called for and that need nobody any more. */
            resolved?: components["schemas"]["NotificationItem"][];
            /** @description When its state became final. */
            settled_at?: components["schemas"]["Timestamp"];
            /** @description What became of it. */
            state: components["schemas"]["NotificationState"];
            /** @description The target's name. */
            target: string;
            /** @description Whether an attempt ended without an answer, so that it may have arrived. */
            uncertain?: boolean;
        };
        /** @description What a notification says. */
        NotificationEvent: "attention" | "resolved" | "test";
        /** @description One session in a notification. */
        NotificationItem: {
            /** @description What happened. */
            kind: components["schemas"]["AttentionKind"];
            /** @description The session's name for people. */
            name: string;
            /** @description The project. */
            project?: string;
            /**
             * Format: uint64
             * @description The number of its attention: a session is called for once per number.
             */
            seq: number;
            /** @description The session. */
            session: components["schemas"]["SessionId"];
            /** @description When it happened. */
            since: components["schemas"]["Timestamp"];
            /**
             * @description One line: why. Secrets in it are masked. May be empty.
             * @default
             */
            text: string;
        };
        /**
         * @description What is to be sent again.
         * @example {
         *       "target": "phone"
         *     }
         */
        NotificationRetry: {
            /** @description Only what goes to this target, which is enabled again; absent for all targets. */
            target?: string;
        };
        /** @description Who is called and when, and what was sent. */
        Notifications: {
            /** @description What was sent and what waits, newest first. */
            notifications: components["schemas"]["Notification"][];
            /** @description Until when nothing is sent; absent when there is no silence. */
            silenced_until?: components["schemas"]["Timestamp"];
            /** @description The targets, in the order of the configuration. */
            targets: components["schemas"]["NotificationTarget"][];
        };
        /** @description What became of a notification. */
        NotificationState: "waiting" | "delivered" | "dead" | "obsolete";
        /** @description Where messages go, and which. Its address and its secrets are never shown. */
        NotificationTarget: {
            /** @description Why nothing is sent any more, until it is enabled with `retry`. */
            disabled?: string;
            /** @description What it is called for. */
            events: components["schemas"]["AttentionKind"][];
            /**
             * Format: uint32
             * @description How many attempts in a row have failed.
             */
            failures: number;
            /** @description The host that messages are sent to; absent for a command. */
            host?: string;
            /** @description Whether messages contain what is asked. */
            include_text: boolean;
            /** @description How it is reached. */
            kind: components["schemas"]["TargetKind"];
            /** @description Its name in the configuration. */
            name: string;
            /** @description When the next attempt is made, after a failed one. */
            next_attempt_at?: components["schemas"]["Timestamp"];
            /** @description Names of projects, `*` standing for any text; empty for all projects. */
            projects: string[];
            /** @description When it is not called, in the server's local time: `22:00-07:00`. */
            quiet?: string;
            /** @description Whether it is told when a need is over. */
            resolved: boolean;
            /**
             * Format: uint32
             * @description Messages that wait to be sent.
             */
            waiting: number;
            /** @description Whether it is called for finished turns, too. */
            your_turn: boolean;
        };
        /**
         * @description The target that is to be tested.
         * @example {
         *       "target": "phone"
         *     }
         */
        NotificationTest: {
            /** @description Its name. */
            target: string;
        };
        /** @description Where a fact comes from: shown as provenance, and the key of "compare with this source's previous digest only". */
        Origin: {
            /** @description Whether this is the first reading of the source since Forgecast knows it: what is read then may be old. */
            first_sight?: boolean;
            /** @description The kind of source. */
            kind: components["schemas"]["SourceKind"];
            /** @description When the file was last changed, by the file system; never later than the event's own time. */
            modified_at?: components["schemas"]["Timestamp"];
            /** @description The file, relative to the project's folder where it is inside it, or the endpoint. */
            path?: string;
        };
        /** @description Finished sessions, grouped. */
        OutcomeReport: {
            /** @description By what the rows are grouped. */
            group_by: components["schemas"]["OutcomesBy"];
            /** @description The groups: days newest first, projects by how many sessions they have, the most first. */
            rows: components["schemas"]["OutcomeRow"][];
            /** @description All of them together. */
            totals: components["schemas"]["Outcomes"];
        };
        /** @description One group. */
        OutcomeRow: {
            /**
             * Format: uint32
             * @description Sessions that were given up: neither a success nor a failure.
             */
            abandoned: number;
            /**
             * Format: uint32
             * @description Sessions that were completed.
             */
            completed: number;
            /**
             * Format: uint32
             * @description Sessions that failed.
             */
            failed: number;
            /** @description The day, `2026-11-22`, or the project; what has no project has the empty one. */
            key: string;
            /**
             * Format: uint64
             * @description Seconds, longest of the same.
             */
            longest_s?: number;
            /**
             * Format: uint64
             * @description Seconds, median of the completed ones whose beginning and end are known; absent without one.
             */
            median_s?: number;
        };
        /** @description How many sessions ended in which way, and how long those took that were completed. */
        Outcomes: {
            /**
             * Format: uint32
             * @description Sessions that were given up: neither a success nor a failure.
             */
            abandoned: number;
            /**
             * Format: uint32
             * @description Sessions that were completed.
             */
            completed: number;
            /**
             * Format: uint32
             * @description Sessions that failed.
             */
            failed: number;
            /**
             * Format: uint64
             * @description Seconds, longest of the same.
             */
            longest_s?: number;
            /**
             * Format: uint64
             * @description Seconds, median of the completed ones whose beginning and end are known; absent without one.
             */
            median_s?: number;
        };
        /** @description By what finished sessions are grouped. */
        OutcomesBy: "day" | "project";
        /** @description What of an export was not taken. 64-bit numbers are strings in protobuf's JSON. */
        PartialSuccess: {
            /** @description Why. */
            errorMessage: string;
            /** @description Data points, as digits. */
            rejectedDataPoints?: string;
            /** @description Log records, as digits. */
            rejectedLogRecords?: string;
        };
        /** @description A pattern of the pattern library. */
        PatternRecorded: {
            /**
             * Format: uint32
             * @description How often it was seen.
             */
            frequency?: number;
            /** @description The pattern's own id. */
            id: string;
            /** @description The library it stands in: the file's name without its ending. */
            library?: string;
            /** @description `HIGH`, `MEDIUM`, `LOW`, or the producer's word. */
            severity?: string;
            /**
             * Format: uint32
             * @description How often it was prevented.
             */
            times_prevented?: number;
            /** @description One line. */
            title?: string;
        };
        /** @description One pattern. */
        PatternView: {
            /**
             * Format: uint32
             * @description How often it was seen.
             */
            frequency?: number;
            /** @description The library it stands in. */
            library?: string;
            /** @description `HIGH`, `MEDIUM`, `LOW`, or the producer's word. */
            severity?: string;
            /**
             * Format: uint32
             * @description How often it was prevented.
             */
            times_prevented?: number;
            /** @description One line. */
            title: string;
        };
        /** @description What a phase file says, or a push in its words. `docs/inputs.md` describes the file. */
        PhaseReported: {
            /**
             * Format: double
             * @description Share of the context window in use, 0 to 100.
             */
            context_percent?: number;
            /** @description What it is doing, one line. */
            detail?: string;
            /** @description Fields that Forgecast does not know, as they came (capped). */
            extra?: {
                [key: string]: unknown;
            };
            /** @description The producer's time of the last change. */
            last_updated?: components["schemas"]["Timestamp"];
            /** @description The producer's word for the phase. */
            phase?: string;
            /** @description As written: `4/7`, `?/7`, `4.5/8`, `3`. */
            phase_number?: string;
            /** @description The phases that the producer calls done; absent is not the same as empty. */
            phases_completed?: string[];
            /** @description The producer's time of the beginning. */
            started_at?: components["schemas"]["Timestamp"];
            /** @description The producer's word for the state of the phase (not of the build). */
            status?: string;
            /**
             * Format: uint32
             * @description Tasks done, when the producer counts them.
             */
            tasks_completed?: number;
            /**
             * Format: uint32
             * @description Tasks in all, when the producer counts them.
             */
            tasks_total?: number;
            /**
             * Format: uint32
             * @description Which round of the test loop, counted from 1.
             */
            test_iteration?: number;
        };
        /** @description How one phase went, by the account of a summary. */
        PhaseResult: {
            /**
             * Format: double
             * @description How long it took, seconds.
             */
            duration_seconds?: number;
            /** @description When it ended. */
            ended_at?: components["schemas"]["Timestamp"];
            /** @description The producer's word for the state of the phase. */
            status?: string;
        };
        /** @description The state of one phase. */
        PhaseStatus: "pending" | "active" | "completed" | "failed" | "skipped";
        /** @description One phase of the pipeline. */
        PhaseView: {
            /**
             * Format: uint32
             * @description How often it began: more than once is a loop back (self-healing).
             * @default 0
             */
            attempts: number;
            /** @description Last end. */
            ended_at?: components["schemas"]["Timestamp"];
            /**
             * Format: uint32
             * @description Position in the pipeline; phases that are not in the vocabulary come behind, in the order they came.
             */
            order: number;
            /** @description First beginning. */
            started_at?: components["schemas"]["Timestamp"];
            /** @description Status. */
            status: components["schemas"]["PhaseStatus"];
        };
        /** @description One problem, keyed so that the same trouble is shown once and can be cleared. */
        Problem: {
            /** @description What kind of trouble. */
            kind: components["schemas"]["ProblemKind"];
            /** @description One line that names the thing and the way out. */
            message: string;
            /** @description The file, folder or endpoint it is about. */
            subject?: string;
        };
        /** @description The problem of a source is over. */
        ProblemCleared: {
            /** @description The key under which it was found. */
            key: string;
            /** @description Also what was found in parts of it, under keys that begin with this one and `#`. */
            with_parts?: boolean;
        };
        /** @description A source has a problem that viewers are shown. */
        ProblemFound: {
            /** @description Names the trouble, so that the same one is shown once: the file's path and, for a field, its name. */
            key: string;
            /** @description The trouble. */
            problem: components["schemas"]["Problem"];
        };
        /** @description What kind of trouble a source is in; stable words, also used as metric labels. */
        ProblemKind: "unparsable" | "bad_field" | "oversize" | "unreadable" | "refused" | "missing" | "degraded" | "overflow" | "conflict" | "store" | "rejected";
        /** @description What is known of one process, or background job, in which an agent's session runs. Each report replaces the one before it about the same process. */
        ProcessReported: {
            /** @description Whether somebody sits in front of it: false for a background job and for a run without a terminal. */
            attended?: boolean;
            /** @description Names the process among all that ever ran on its machine: `4242@118682` (its id and when it started, in clock ticks since the machine started), or `job-aa293d2e`. */
            process: string;
            /** @description Why it has this status, one line, when that is said. */
            reason?: string;
            /** @description Since when it has this status, by its own account. */
            since?: components["schemas"]["Timestamp"];
            /** @description What it is doing, or how it ended. */
            status: components["schemas"]["ProcessStatus"];
            /** @description What it waits for, when it waits. */
            waiting_for?: components["schemas"]["WaitingFor"];
        };
        /** @description What a process is doing, or how it ended. */
        ProcessStatus: "alive" | "busy" | "waiting" | "idle" | "exited" | "failed" | "crashed";
        /** @description Progress and tasks. */
        Progress: {
            /** @description What a checkpoint holds under `artifacts`, as it stands there: texts and paths by name. Files that were seen are in the session's own list. */
            checkpoint_artifacts?: {
                [key: string]: unknown;
            };
            /** @description Remarks of the producer. */
            notes?: string[];
            /**
             * Format: double
             * @description 0 to 100, from the phases done and, where stated, the tasks.
             */
            percent?: number;
            /**
             * Format: uint32
             * @description Rounds of the loop, when the build is a loop that counts them.
             */
            rounds?: number;
            /** @description Tasks by id. */
            tasks?: {
                [key: string]: components["schemas"]["TaskView"];
            };
            /**
             * Format: uint32
             * @description Tasks done.
             */
            tasks_completed?: number;
            /**
             * Format: uint32
             * @description Tasks in all.
             */
            tasks_total?: number;
        };
        /** @description What became of a push. */
        PushReceipt: {
            /**
             * Format: uint64
             * @description Facts and log lines that are stored now.
             */
            accepted: number;
            /**
             * Format: uint64
             * @description Facts that were known already.
             */
            duplicates: number;
            /** @description Envelopes that were not taken. The others were. */
            rejected: components["schemas"]["Rejection"][];
        };
        /** @description Which deadline passed. */
        Quiet: "stalled" | "abandoned" | "settled" | "aged";
        /** @description Whether everything works, and what does not. */
        Readiness: {
            /** @description How far the reading of archives is, while it goes on. No reason to be unwell: what is live is shown. */
            indexing?: components["schemas"]["IndexingProgress"];
            /**
             * @description The places for sessions.
             * @default {
             *       "full": false,
             *       "max": 0,
             *       "unfinished": 0
             *     }
             */
            sessions: components["schemas"]["SessionPlaces"];
            /** @description The configured folders; a folder of an agent only while it is there. */
            sources: components["schemas"]["RootHealth"][];
            /** @description All of it in one word. */
            status: components["schemas"]["Ready"];
            /** @description The database. */
            store: components["schemas"]["StoreState"];
        };
        /** @description How the server is, in one word. */
        Ready: "ready" | "starting" | "degraded";
        /** @description An envelope that was not taken. */
        Rejection: {
            /**
             * Format: uint
             * @description Its place in the body, from 0.
             */
            index: number;
            /** @description What is wrong and the way out. */
            problem: string;
        };
        /** @description How much is sent again. */
        Retried: {
            /**
             * Format: uint32
             * @description Messages that are attempted now.
             */
            messages: number;
        };
        /** @description One configured folder. */
        RootHealth: {
            /** @description What it is for. */
            kind: components["schemas"]["RootKind"];
            /** @description What is wrong and the way out; null when nothing is. */
            message: string | null;
            /** @description Where it is. */
            path: string;
            /**
             * Format: uint64
             * @description Projects (sessions, for a folder of checkpoints; transcripts, for a folder of an agent) found in it.
             */
            projects: number;
            /** @description How it is observed. */
            state: components["schemas"]["RootState"];
        };
        /** @description What a configured folder is for. */
        RootKind: "projects" | "checkpoints" | "logs" | string;
        /** @description How a configured folder is observed. */
        RootState: "watching" | "polling" | "missing" | "unreadable";
        /** @description What a session is doing now: the newest that is known of it. The viewer ticks the time since. */
        RowActivity: {
            /**
             * Format: uint32
             * @description Which attempt at the current phase it is, from the second on.
             */
            attempt?: number;
            /** @description What kind of doing. */
            kind: components["schemas"]["ActivityKind"];
            /** @description Since when. */
            since: components["schemas"]["Timestamp"];
            /**
             * Format: uint32
             * @description Sub-agents at work, if there are any.
             */
            subagents?: number;
            /** @description One line of at most 160 characters, without control characters: `Edit src/sync/queue.rs`. */
            text: string;
        };
        /** @description The current phase, short. */
        RowPhase: {
            /** @description Name. */
            name: string;
            /** @description Number as written. */
            number?: string;
            /**
             * Format: uint32
             * @description How many there are.
             */
            total?: number;
        };
        /** @description Tasks, short. */
        RowTasks: {
            /**
             * Format: uint32
             * @description Done.
             * @default 0
             */
            completed: number;
            /**
             * Format: uint32
             * @description In all.
             * @default 0
             */
            total: number;
        };
        /** @description Tests, short. */
        RowTests: {
            /**
             * Format: uint32
             * @description Failed.
             */
            failed?: number;
            /**
             * Format: uint32
             * @description Passed.
             */
            passed?: number;
        };
        /** @description Usage, short. */
        RowUsage: {
            /**
             * Format: double
             * @description US dollars by the agents' own account, where they give one.
             */
            agent_total_usd?: number;
            /**
             * Format: double
             * @description US dollars.
             */
            cost_usd?: number;
            /**
             * Format: uint64
             * @description Tokens of all types.
             * @default 0
             */
            tokens: number;
            /** @description Some of it has no price: what it cost is more than `cost_usd`. */
            unpriced?: boolean;
        };
        /** @description `google.rpc.Status`: why an export was not taken. */
        RpcStatus: {
            /**
             * Format: uint64
             * @description gRPC's number for the kind of trouble.
             */
            code: number;
            /** @description In words. */
            message: string;
        };
        /** @description One number over time. */
        Series: {
            /** @description Which. */
            metric: components["schemas"]["Metric"];
            /** @description The beginning of a step and its value, in the order of time; steps in which nothing happened are left out. */
            points: [
                components["schemas"]["Timestamp"],
                number
            ][];
            /**
             * Format: uint32
             * @description Seconds that a point stands for.
             */
            resolution_s: number;
        };
        /** @description What the server sends. */
        ServerMessage: {
            /**
             * Format: uint32
             * @description Seconds between two heartbeats, `HEARTBEAT_S`.
             */
            heartbeat_s: number;
            /**
             * Format: uint32
             * @description The version of this protocol, `PROTOCOL_VERSION`.
             */
            protocol: number;
            /** @description The server's time, for the viewer's clock offset. */
            server_time: components["schemas"]["Timestamp"];
            /** @constant */
            type: "hello";
        } | {
            /** @description Within it, revisions can be compared. */
            epoch: components["schemas"]["Epoch"];
            /**
             * Format: uint64
             * @description The revision of this state.
             */
            revision: number;
            /** @description A session's view, or for `sessions` an `Index`. */
            state: components["schemas"]["State"];
            /** @description The canonical topic. */
            topic: components["schemas"]["Topic"];
            /** @constant */
            type: "snapshot";
        } | {
            /** @description As in the snapshot. */
            epoch: components["schemas"]["Epoch"];
            /**
             * Format: uint64
             * @description The revision that it applies to, and no other.
             */
            from: number;
            /** @description JSON Merge Patch (RFC 7396). */
            patch: {
                [key: string]: unknown;
            };
            /**
             * Format: uint64
             * @description The revision that it leads to.
             */
            revision: number;
            /** @description The canonical topic. */
            topic: components["schemas"]["Topic"];
            /** @constant */
            type: "patch";
        } | {
            /** @description The lines, in order. */
            lines: components["schemas"]["LogLine"][];
            /**
             * Format: uint64
             * @description The number of the first of these lines.
             */
            offset: number;
            /**
             * Format: uint64
             * @description How many lines before them were left out, because the viewer was too slow or the lines are no longer kept.
             */
            skipped?: number;
            /** @description The canonical topic. */
            topic: components["schemas"]["Topic"];
            /** @constant */
            type: "log";
        } | {
            /** @description The event. */
            event: unknown;
            /** @description The canonical topic. */
            topic: components["schemas"]["Topic"];
            /** @constant */
            type: "event";
        } | {
            /** @description The canonical topic. */
            topic: components["schemas"]["Topic"];
            /** @constant */
            type: "removed";
        } | {
            /** @description What is wrong and the way out. */
            problem: components["schemas"]["ErrorBody"];
            /** @description The topic as the viewer named it, when it is about one. */
            topic?: string;
            /** @constant */
            type: "error";
        } | {
            /** @description Every subscribed topic. */
            revisions: {
                [key: string]: components["schemas"]["TopicMark"];
            };
            /** @description The server's time. */
            server_time: components["schemas"]["Timestamp"];
            /** @constant */
            type: "heartbeat";
        };
        /**
         * @description One run of a session: its name, a tilde and the number of the run, counted from 1.
         * @example weather-app~1
         */
        SessionId: string;
        /** @description A page of the overview. */
        SessionList: {
            /** @description Where the next page begins; absent on the last one. */
            next_cursor?: components["schemas"]["Cursor"];
            /** @description Rows, in the order that was asked for. */
            sessions: components["schemas"]["SessionRow"][];
        };
        /**
         * @description What a session is called in ids.
         * @example weather-app
         */
        SessionName: string;
        /** @description How many of the places for sessions are taken. Finished sessions leave theirs to new ones, unfinished ones do not. */
        SessionPlaces: {
            /**
             * @description Whether all of them are taken: no build that begins now is shown.
             * @default false
             */
            full: boolean;
            /**
             * Format: uint64
             * @description Sessions that there may be (`sessions.max`).
             * @default 0
             */
            max: number;
            /** @description Whose new sessions are refused and the way out, while any are. */
            refused?: string;
            /**
             * Format: uint64
             * @description Sessions that are unfinished.
             * @default 0
             */
            unfinished: number;
        };
        /**
         * @description One run by its id, or the newest run by the bare name.
         * @example weather-app
         */
        SessionRef: string;
        /** @description One session in the index: enough for the overview. */
        SessionRow: {
            /** @description What it is doing now, while it is at work; boxed because most rows are of sessions that are over. */
            activity?: components["schemas"]["RowActivity"];
            /**
             * Format: uint32
             * @description Agents at work.
             * @default 0
             */
            agents_active: number;
            /** @description What needs a person's notice. */
            attention?: components["schemas"]["Attention"];
            /** @description End of the run. */
            ended_at?: components["schemas"]["Timestamp"];
            /** @description The machine. */
            host?: string;
            /** @description Canonical id. */
            id: components["schemas"]["SessionId"];
            /**
             * Format: uint32
             * @description The round of the test loop; of a loop that keeps checkpoints, the round of that loop.
             */
            iteration?: number;
            /** @description When a fact last moved. */
            last_work_at?: components["schemas"]["Timestamp"];
            /** @description Name for people. */
            name: string;
            /** @description The current phase. */
            phase?: components["schemas"]["RowPhase"];
            /** @description Status of each phase by name, in no order; viewers order by the vocabulary. */
            phases?: {
                [key: string]: components["schemas"]["PhaseStatus"];
            };
            /**
             * Format: uint32
             * @description Problems of its sources.
             * @default 0
             */
            problems: number;
            /**
             * Format: double
             * @description 0 to 100.
             */
            progress_percent?: number;
            /** @description The project. */
            project?: string;
            /** @description Which kind of source. */
            source: components["schemas"]["SourceOfState"];
            /** @description Beginning of the run. */
            started_at?: components["schemas"]["Timestamp"];
            /** @description Status. */
            status: components["schemas"]["SessionStatus"];
            /** @description Why the status is what it is, one line. */
            status_reason?: string;
            /** @description An error ended its turn, or its process crashed: it does not go on by itself. Also true when it was found like that, which raises no attention. */
            stopped_by_error?: boolean;
            /** @description What the build was asked to do. */
            task?: string;
            /** @description Tasks, when there is a list of them. */
            tasks?: components["schemas"]["RowTasks"];
            /** @description Tests. */
            tests?: components["schemas"]["RowTests"];
            /** @description Tokens and cost. */
            usage?: components["schemas"]["RowUsage"];
            /** @description What it waits for, when it waits and the producer says for what. */
            waiting_for?: components["schemas"]["WaitingFor"];
        };
        /** @description The session exists. Holds what is known about it besides its progress. */
        SessionSeen: {
            /** @description The branch of the repository that it began on. */
            branch?: string;
            /** @description The machine it runs on. */
            host?: string;
            /** @description Web addresses that belong to it, by label. */
            links?: {
                [key: string]: string;
            };
            /** @description The name of the project, when it is not the session's own. */
            project?: string;
            /** @description The producer's own id of the run: with another one, a new run begins. */
            run?: string;
            /** @description What the build was asked to do. */
            task?: string;
            /** @description A title for people; taken by sessions that are nothing but an agent's transcript. */
            title?: string;
        };
        /** @description A session's own status, whatever words its producer uses. */
        SessionStatus: "running" | "waiting" | "stalled" | "completed" | "failed" | "abandoned";
        /** @description The whole view of a session: the `state` of a snapshot. */
        SessionView: {
            /** @description Agents by id. */
            agents?: {
                [key: string]: components["schemas"]["AgentView"];
            };
            /** @description Files of the session by path. */
            artifacts?: {
                [key: string]: components["schemas"]["ArtifactView"];
            };
            /** @description Whether somebody sits in front of the agent's process, where that is known: false for a background job and for a run without a terminal. */
            attended?: boolean;
            /** @description The branch of the repository that it began on. */
            branch?: string;
            /** @description The last change of each section by its name: `phase`, `phases`, `progress`, `tests`, `agents`, `usage`, `decisions`, `patterns`, `artifacts`. */
            changed_at?: {
                [key: string]: components["schemas"]["Timestamp"];
            };
            /** @description Decisions and lessons. */
            decisions?: components["schemas"]["Decisions"];
            /** @description End of the run. */
            ended_at?: components["schemas"]["Timestamp"];
            /** @description Errors that were reported, newest by number. */
            errors?: {
                [key: string]: components["schemas"]["ErrorView"];
            };
            /** @description What is likely to remain. */
            estimate?: components["schemas"]["Estimate"];
            /** @description The machine it runs on. */
            host?: string;
            /** @description Canonical id, `weather-app~1`. */
            id: components["schemas"]["SessionId"];
            /** @description When the producer was last known to be alive, if that is later than the last work. */
            last_seen_at?: components["schemas"]["Timestamp"];
            /** @description When a fact last moved. */
            last_work_at?: components["schemas"]["Timestamp"];
            /** @description Web addresses by label. */
            links?: {
                [key: string]: string;
            };
            /** @description Name for people. */
            name: string;
            /** @description Patterns by id. */
            patterns?: {
                [key: string]: components["schemas"]["PatternView"];
            };
            /** @description The current phase. */
            phase?: components["schemas"]["CurrentPhase"];
            /** @description All phases by name, those of the vocabulary and any other. */
            phases?: {
                [key: string]: components["schemas"]["PhaseView"];
            };
            /** @description Troubles of its sources by key. */
            problems?: {
                [key: string]: components["schemas"]["Problem"];
            };
            /** @description Progress and tasks. */
            progress: components["schemas"]["Progress"];
            /** @description The project, when it has another name. */
            project?: string;
            /** @description Which kind of source the state comes from. */
            source: components["schemas"]["SourceOfState"];
            /** @description Beginning of the run. */
            started_at?: components["schemas"]["Timestamp"];
            /** @description Status. */
            status: components["schemas"]["SessionStatus"];
            /** @description Why the status is what it is, one line. */
            status_reason?: string;
            /** @description The kind of source that the status comes from, where a single one decides it: `process` when the agent's own process says so, or is gone. */
            status_source?: components["schemas"]["SourceKind"];
            /** @description The producer's own word for its state. */
            status_word?: string;
            /** @description What the build was asked to do. */
            task?: string;
            /** @description The test loop. */
            tests?: components["schemas"]["Tests"];
            /** @description Tokens and cost. */
            usage?: components["schemas"]["Usage"];
            /** @description What it waits for, when it waits and the producer says for what. */
            waiting_for?: components["schemas"]["WaitingFor"];
            /** @description The folder it works in. */
            working_directory?: string;
        };
        /**
         * @description A silence: nothing is sent while it lasts, and what is still needed at its end is sent then.
         * @example {
         *       "seconds": 3600
         *     }
         */
        Silence: {
            /**
             * Format: uint32
             * @description How long from now, at most a week; 0 ends a silence.
             */
            seconds: number;
        };
        /** @description Until when nothing is sent. */
        Silenced: {
            /** @description Its end; absent when there is no silence. */
            until?: components["schemas"]["Timestamp"];
        };
        /** @description By what the overview is sorted. */
        Sort: "last_work" | "started" | "name" | "cost" | "tokens" | "ended" | "duration";
        /** @description What one source adds by its own account; accounts of different sources are shown side by side, never summed. */
        SourceAccount: {
            /**
             * Format: int64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: int64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: int64
             * @description Calls.
             * @default 0
             */
            calls: number;
            /**
             * Format: double
             * @description US dollars.
             */
            cost_usd?: number;
            /**
             * Format: int64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /**
             * Format: int64
             * @description Written by the model.
             * @default 0
             */
            output: number;
            /** @description The source. */
            source: components["schemas"]["UsageSource"];
        };
        /** @description The folder or file that the session is read from is gone. */
        SourceGone: {
            /** @description What is gone. */
            path: string;
        };
        /** @description The kinds of sources. */
        SourceKind: "phase_file" | "checkpoint" | "artifact" | "log" | "push" | "history" | "hook" | "otlp" | "transcript" | "process" | "foundry" | "internal";
        /** @description The folder that the session is read from has another path, by its own name or by that of a folder above it. It is the same session, which goes on there. */
        SourceMoved: {
            /** @description The absolute path that it had. */
            from: string;
            /** @description The absolute path that it has. */
            to: string;
        };
        /** @description Which kind of source the state comes from. */
        SourceOfState: "live" | "checkpoint" | "transcript";
        /** @description The folder or file that the session is read from is back. */
        SourceReturned: {
            /** @description What is back. */
            path: string;
        };
        /** @description What one source says of the usage. */
        SourceUsage: {
            /**
             * Format: uint64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: uint64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: uint64
             * @description Calls that it tells of, or reports where it names no calls.
             * @default 0
             */
            calls: number;
            /**
             * Format: double
             * @description US dollars.
             */
            cost_usd?: number;
            /**
             * Format: uint64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /**
             * Format: uint64
             * @description Written by the model.
             * @default 0
             */
            output: number;
        };
        /** @description A styled stretch of a line, from the ANSI sequences that were taken out of it. */
        Span: {
            /**
             * Format: uint32
             * @description The one after the last, in UTF-16 code units.
             */
            end: number;
            /**
             * Format: uint32
             * @description First character, counted in UTF-16 code units as browsers do.
             */
            start: number;
            /** @description Space-separated style words: `bold`, `dim`, `italic`, `underline`, `fg-0` to `fg-15`, `bg-0` to `bg-15`. */
            style: string;
        };
        /** @description What a snapshot holds: a session's view, or the index for `sessions`. */
        State: components["schemas"]["SessionView"] | components["schemas"]["Index"];
        /** @description A fact with its place. */
        StoredEvent: {
            /** @description The fact. */
            event: components["schemas"]["Event"];
            /**
             * Format: uint64
             * @description The session's revision after it.
             */
            revision: number;
            /**
             * Format: uint64
             * @description Grows with every fact of every session; never reused.
             */
            sequence: number;
        };
        /** @description What makes a session the one it is. */
        StoredSession: {
            /** @description When it was first seen. */
            created_at: components["schemas"]["Timestamp"];
            /** @description The absolute path of the project's folder. */
            directory?: string;
            /** @description Its id. */
            id: components["schemas"]["SessionId"];
            /** @description Its name as a producer or a folder gave it. */
            name: string;
            /** @description Whether a producer named it (else the name is the folder's). */
            named: boolean;
        };
        /** @description How the database is. */
        StoreState: {
            /**
             * Format: uint64
             * @description Bytes that wait to be written.
             */
            backlog_bytes: number;
            /** @description Whether the disk is full. */
            full: boolean;
            /** @description What went wrong last, while it lasts. */
            last_error?: string;
            /**
             * @description Whether it can be read.
             * @default true
             */
            readable: boolean;
            /** @description Whether it takes facts. */
            writable: boolean;
        };
        /** @description Which session a fact belongs to, as far as its source can tell. The hub turns it into a session id: by the run when there is one, by the transcript or the wrapped command when there is one, else by folder and name, else by the newest run of the name. */
        Subject: {
            /** @description The command that a person wrapped, by the id that its wrapper made for it (`command-…`). Its session is a run of its own under the name, whatever else goes on under this name or in the folder. */
            command?: components["schemas"]["SessionName"];
            /** @description The absolute path of the project's folder; for an agent's own session the folder it was started in. */
            directory?: string;
            /** @description The name as the producer wrote it (cleaned), or the folder's name. */
            name?: string;
            /** @description The session as a producer named it, when that name fits an id. */
            session?: components["schemas"]["SessionRef"];
            /** @description The agent's own session, by the name of its transcript (`258c7280-ae70-…`). It belongs to the build whose folder it runs in while that build is at work, until another one is; else it is a session of its own with that name. */
            transcript?: components["schemas"]["SessionName"];
        };
        /** @description How a target is reached. */
        TargetKind: "ntfy" | "slack" | "webhook" | "command";
        /** @description The state of one task of the build. */
        TaskReported: {
            /** @description Ids of tasks that come first. */
            dependencies?: string[];
            /** @description What is to be done. */
            description?: string;
            /** @description The producer's estimate, as text. */
            estimated_time?: string;
            /** @description Files it is about. */
            files?: string[];
            /** @description The task's own id, `task-3`. */
            id: string;
            /**
             * Format: uint32
             * @description Position in the producer's list, from 0.
             */
            order?: number;
            /** @description `pending`, `in_progress`, `completed`, `failed`, or the producer's word. */
            status?: string;
        };
        /** @description One task. */
        TaskView: {
            /** @description Ids of tasks that come first. */
            dependencies?: string[];
            /** @description What is to be done. */
            description: string;
            /** @description The producer's estimate, as text. */
            estimated_time?: string;
            /** @description Files it is about. */
            files?: string[];
            /**
             * Format: uint32
             * @description Position in the list.
             */
            order: number;
            /** @description `pending`, `in_progress`, `completed`, `failed`, or the producer's word. */
            status: string;
        };
        /** @description Where a test result was taken from, weakest first: a later source of the same or more weight replaces the numbers. */
        TestBasis: "report" | "reported" | "summary";
        /** @description One round of the test loop; a number that is stated nowhere is absent. */
        TestIteration: {
            /** @description When it was reported. */
            at?: components["schemas"]["Timestamp"];
            /**
             * Format: uint32
             * @description Tests failed.
             */
            failed?: number;
            /**
             * Format: uint32
             * @description Tests passed.
             */
            passed?: number;
            /**
             * Format: uint32
             * @description Tests run.
             */
            run?: number;
            /** @description The verdict, when one is stated. */
            verdict?: boolean;
        };
        /** @description The test loop. */
        Tests: {
            /**
             * Format: uint32
             * @description The current round, counted from 1.
             */
            iteration?: number;
            /** @description Each round by its number. */
            iterations?: {
                [key: string]: components["schemas"]["TestIteration"];
            };
            /** @description The result of the build as a whole. */
            summary?: components["schemas"]["TestSummary"];
        };
        /** @description The result of a test run. A number that is not stated anywhere is absent, not zero. */
        TestsReported: {
            /** @description How the numbers were found. */
            basis: components["schemas"]["TestBasis"];
            /**
             * Format: uint32
             * @description Tests failed.
             */
            failed?: number;
            /**
             * Format: uint32
             * @description Which round of the test loop, counted from 1; absent for the result of the whole build.
             */
            iteration?: number;
            /**
             * Format: uint32
             * @description Tests passed.
             */
            passed?: number;
            /**
             * Format: uint32
             * @description Tests run.
             */
            total?: number;
            /** @description The producer's own verdict, when it gives one. */
            verdict?: boolean;
        };
        /** @description The result of the build as a whole. */
        TestSummary: {
            /**
             * Format: uint32
             * @description Tests failed.
             */
            failed?: number;
            /**
             * Format: uint32
             * @description Tests passed.
             */
            passed?: number;
            /** @description Where the numbers come from. */
            source: components["schemas"]["TestBasis"];
            /**
             * Format: uint32
             * @description Tests run.
             */
            total?: number;
        };
        /** @description What changed in a session, revision by revision. Times never go back from one revision to the next: what was read late has the time at which it was learned. */
        Timeline: {
            /**
             * Format: uint64
             * @description The oldest revision that can be seen: what led to those before it is no longer kept.
             */
            first_revision: number;
            /**
             * Format: uint64
             * @description Spans and marks that were left out, because there are too many.
             */
            left_out: number;
            /** @description Moments worth a mark, in order. */
            marks: components["schemas"]["TimelineMark"][];
            /**
             * Format: uint64
             * @description The newest revision that is stored: what follows is asked for with `after`.
             */
            revision: number;
            /** @description The session, by its canonical id. */
            session: components["schemas"]["SessionId"];
            /** @description Attempts at phases, in the order in which they began. */
            spans: components["schemas"]["TimelineSpan"][];
            /** @description When revisions came, in order: the first, the last, and of those between them as many as a scale can show. */
            times: [
                number,
                components["schemas"]["Timestamp"]
            ][];
        };
        /** @description One moment worth a mark. */
        TimelineMark: {
            /** @description When that was. */
            at: components["schemas"]["Timestamp"];
            /** @description What it is. */
            kind: components["schemas"]["MarkKind"];
            /** @description One line. */
            label: string;
            /**
             * Format: uint64
             * @description The first revision that shows it.
             */
            revision: number;
        };
        /** @description One attempt at a phase. */
        TimelineSpan: {
            /** @description When that was. */
            at: components["schemas"]["Timestamp"];
            /**
             * Format: uint32
             * @description Which attempt at it, from 1: more than one is a loop back (self-healing).
             */
            attempt: number;
            /** @description When that was. */
            ended_at?: components["schemas"]["Timestamp"];
            /**
             * Format: uint64
             * @description The first revision in which it is no longer at work.
             */
            ended_revision?: number;
            /** @description The phase. */
            phase: string;
            /**
             * Format: uint64
             * @description The first revision with it.
             */
            revision: number;
            /** @description How it stands, or stood when it was left: `pending` when the build went back behind it. */
            status: components["schemas"]["PhaseStatus"];
        };
        /** @description A range of time. */
        TimeRange: {
            /** @description Its beginning. */
            from: components["schemas"]["Timestamp"];
            /** @description Its end. */
            to: components["schemas"]["Timestamp"];
        };
        /**
         * Format: date-time
         * @description RFC 3339 in UTC with milliseconds.
         * @example 2026-01-31T08:15:00.250Z
         */
        Timestamp: string;
        /** @description Tokens by type. */
        TokenCounts: {
            /**
             * Format: uint64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: uint64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: uint64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /**
             * Format: uint64
             * @description Written by the model.
             * @default 0
             */
            output: number;
        };
        /** @description An agent used a tool. */
        ToolUsed: {
            /** @description The agent that used it. */
            agent?: string;
            /** @description Whether it worked, when that is known. */
            success?: boolean;
            /** @description What it was used on, one line. */
            summary?: string;
            /** @description The tool. */
            tool: string;
            /** @description The agent's id of this use (`toolu_…`): told by several sources it is one use, and it names the call that asked for it. */
            use_id?: string;
        };
        /**
         * @description What can be followed: the index, a session's view, a session's log.
         * @example session/weather-app~1
         */
        Topic: string;
        /** @description The state of a topic in brief; for a log the revision is the number of its next line. */
        TopicMark: {
            /** @description SHA-256 of the canonical state, hexadecimal; opaque to browsers. */
            digest?: string;
            /**
             * Format: uint64
             * @description The newest revision.
             */
            revision: number;
        };
        /** @description Tokens and cost. */
        Usage: {
            /** @description What the agents themselves say that they used in all, for comparison: never part of the sums. */
            agent_total?: components["schemas"]["AgentTotal"];
            /** @description The budget of this session, once a mark of it was passed. */
            budget?: components["schemas"]["Budget"];
            /** @description By the agent's id; the main one is `main`. Only when there are others. */
            by_agent?: {
                [key: string]: components["schemas"]["UsageShare"];
            };
            /** @description By model; what searching the web cost stands under `web-search`. */
            by_model?: {
                [key: string]: components["schemas"]["UsageShare"];
            };
            /** @description By phase. */
            by_phase?: {
                [key: string]: components["schemas"]["UsageShare"];
            };
            /** @description What each source says by its own account, side by side, never to be summed. Only when there are several, or when one of them is an estimate, which is not in the sums. */
            by_source?: {
                [key: string]: components["schemas"]["SourceUsage"];
            };
            /**
             * Format: uint64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: uint64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: uint64
             * @description Calls to a model; 0 when nobody names single calls.
             * @default 0
             */
            calls: number;
            /** @description The context window. */
            context?: components["schemas"]["ContextWindow"];
            /**
             * Format: double
             * @description US dollars, of what has a price.
             */
            cost_usd?: number;
            /**
             * Format: uint64
             * @description Uses of tools and prompts that were refused because a hard budget was used up.
             */
            denied?: number;
            /**
             * Format: uint64
             * @description Calls of which two sources give different numbers; the better source counts.
             * @default 0
             */
            disputed_calls: number;
            /**
             * Format: uint64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /**
             * Format: uint64
             * @description Written by the model.
             * @default 0
             */
            output: number;
            /** @description Whether every call had a price. */
            priced: boolean;
            /** @description Where the numbers come from, best first. */
            provenance?: components["schemas"]["UsageSource"][];
            /** @description The newest 60 minutes in which tokens were used, by their beginning (`2026-11-22T00:15:00Z`): what a burn rate is worked out from. */
            recent?: {
                [key: string]: components["schemas"]["UsageMinute"];
            };
            /**
             * Format: uint64
             * @description Calls whose model has no price.
             * @default 0
             */
            unpriced_calls: number;
        };
        /** @description Tokens, money and calls. */
        UsageAmount: {
            /**
             * Format: uint64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: uint64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: uint64
             * @description Calls to a model.
             */
            calls: number;
            /**
             * Format: double
             * @description US dollars, of the calls whose model has a price.
             */
            cost_usd: number;
            /**
             * Format: uint64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /**
             * Format: uint64
             * @description Written by the model.
             * @default 0
             */
            output: number;
            /**
             * Format: uint64
             * @description Calls whose model has no price: their tokens are counted, their cost is not known.
             */
            unpriced_calls?: number;
        };
        /** @description What was used within one minute. */
        UsageMinute: {
            /**
             * Format: double
             * @description US dollars.
             */
            cost_usd?: number;
            /**
             * Format: uint64
             * @description Tokens of all types.
             * @default 0
             */
            tokens: number;
        };
        /** @description Tokens and cost to be added to what was known before. Of a call that is reported several times, each report adds only the difference. */
        UsageRecorded: {
            /** @description What each source adds by its own account. Empty: a report that names no call. */
            accounts?: components["schemas"]["SourceAccount"][];
            /** @description The subagent that made the call; absent for the main one. */
            agent?: string;
            /** @description What the agent says that its session used in all so far; the last one said counts, and it is added to nothing. */
            agent_total?: components["schemas"]["AgentTotal"];
            /**
             * Format: int64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: int64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: int64
             * @description Calls that are new with this fact; 0 for one that was known, negative for one that proved to be another.
             * @default 0
             */
            calls: number;
            /**
             * Format: uint64
             * @description Tokens that fit into it; absent: 200,000.
             */
            context_limit?: number;
            /** @description Who says how many fit; absent: nobody, it is what the configuration assumes. */
            context_limit_from?: components["schemas"]["WindowSource"];
            /**
             * Format: double
             * @description Share of the context window in use, 0 to 100, as a producer says it.
             */
            context_percent?: number;
            /**
             * Format: uint64
             * @description Tokens in the context window after the call.
             */
            context_tokens?: number;
            /**
             * Format: uint64
             * @description Tokens that fit into it, by the source of the call; absent when it does not say.
             */
            context_window?: number;
            /**
             * Format: double
             * @description US dollars, when the price is known.
             */
            cost_usd?: number;
            /**
             * Format: int64
             * @description Of those, calls of which two sources give different numbers.
             * @default 0
             */
            disputed: number;
            /**
             * Format: int64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /** @description The model, with `-fast` behind it when it ran in fast mode. */
            model?: string;
            /**
             * Format: int64
             * @description Written by the model.
             * @default 0
             */
            output: number;
            /** @description The phase of the build in which they were used, as the session shows it; absent: that of the time, else the present one. Said by the ledger, so that what is taken back is taken from where it was added. */
            phase?: string;
            /** @description Of a report that names no call: whose it is. Absent: a producer's. `estimated`: nobody counted the tokens, they are shown as that and added to nothing. */
            source?: components["schemas"]["UsageSource"];
            /**
             * Format: int64
             * @description Of those, calls whose model has no price.
             * @default 0
             */
            unpriced: number;
            /** @description When the tokens were used, by the source. */
            used_at?: components["schemas"]["Timestamp"];
        };
        /** @description Tokens and cost of a span of days, in total and by the rows that were asked for. */
        UsageReport: {
            /** @description What agents say of their own sessions, for comparison. Absent when none says anything, and in a report about some days, a project or a session only. */
            agent_totals?: components["schemas"]["AgentTotals"];
            /** @description Budgets of the day and the month, when they are set. */
            budgets?: components["schemas"]["BudgetReport"][];
            /** @description The present burn rate; only a running server knows it. */
            burn?: components["schemas"]["BurnRate"];
            /** @description By what the rows are grouped. */
            group_by: components["schemas"]["GroupBy"];
            /** @description The date of the price table, `2026-11-21`. */
            prices_of: string;
            /** @description The groups: days newest first, everything else by cost, then tokens, the most first. */
            rows: components["schemas"]["UsageRow"][];
            /** @description What was used today by this machine's calendar. Absent when the report leaves out today. */
            today?: components["schemas"]["UsageAmount"];
            /** @description What today will have cost; absent before 30 minutes of use are known. */
            today_projected_usd?: components["schemas"]["CostRange"];
            /** @description All rows together. */
            totals: components["schemas"]["UsageAmount"];
        };
        /** @description One group. */
        UsageRow: {
            /**
             * Format: uint64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: uint64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: uint64
             * @description Calls to a model.
             */
            calls: number;
            /**
             * Format: double
             * @description US dollars, of the calls whose model has a price.
             */
            cost_usd: number;
            /**
             * Format: date
             * @description A day of the machine's calendar.
             */
            day?: string;
            /**
             * Format: uint64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /** @description When tokens of it were last used. */
            last_used_at?: components["schemas"]["Timestamp"];
            /** @description The model; empty for what names none. */
            model?: string;
            /** @description Tokens and cost by model. */
            models?: {
                [key: string]: components["schemas"]["UsageAmount"];
            };
            /**
             * Format: uint64
             * @description Written by the model.
             * @default 0
             */
            output: number;
            /** @description The phase; empty for what was used in none. */
            phase?: string;
            /** @description The project; empty for what has none. */
            project?: string;
            /** @description The session's or the transcript's id. */
            session?: string;
            /** @description Of a transcript, when grouped by session: its title, or the id of the build that it belongs to. Absent when neither is known any more. */
            title?: string;
            /**
             * Format: uint64
             * @description Calls whose model has no price: their tokens are counted, their cost is not known.
             */
            unpriced_calls?: number;
        } & (unknown | unknown | unknown | unknown | unknown);
        /** @description A share of the usage. */
        UsageShare: {
            /**
             * Format: uint64
             * @description Read from the cache.
             * @default 0
             */
            cache_read: number;
            /**
             * Format: uint64
             * @description Written to the cache.
             * @default 0
             */
            cache_write: number;
            /**
             * Format: double
             * @description US dollars.
             */
            cost_usd?: number;
            /**
             * Format: uint64
             * @description Sent to the model and not cached.
             * @default 0
             */
            input: number;
            /**
             * Format: uint64
             * @description Written by the model.
             * @default 0
             */
            output: number;
        };
        /** @description Who says how many tokens a call used, best first: of several that speak of one call, the best one counts. */
        UsageSource: "transcript" | "otel" | "hook" | "reported" | "estimated";
        /** @description An agent of the session waits for a person. The wait is that agent's own: `docs/states.md` says what ends it. */
        WaitingBegan: {
            /** @description The agent that waits; absent for the main one. */
            agent?: string;
            /** @description How a turn ended that did not end by itself. */
            cut_short?: components["schemas"]["CutShort"];
            /** @description What it waits for, one line. */
            reason: string;
            /** @description What the tool would be used on, as `summary` says it. */
            summary?: string;
            /** @description The tool, where the id of its use is not told. */
            tool?: string;
            /** @description The use of a tool whose approval or answer is awaited, by the agent's id of it. */
            use_id?: string;
            /** @description What kind of wait it is, when the producer says. A wait for a prompt is the end of a turn. */
            waiting_for?: components["schemas"]["WaitingFor"];
        };
        /** @description A wait is over. Without any field it is a new prompt: the main agent is at work, and what was asked before is settled. */
        WaitingEnded: {
            /** @description The agent that waits no longer, whatever it waited for. */
            agent?: string;
            /** @description The tool that was approved or refused, where the id of its use is not told. */
            tool?: string;
            /** @description The use of a tool that was approved, refused or answered. */
            use_id?: string;
        };
        /** @description What a session waits for. */
        WaitingFor: "permission" | "prompt" | "answer";
        /** @description A deadline passed without work, so that a session counts as stalled or abandoned. */
        WentQuiet: {
            /** @description When another run began in its place: nothing of this one is at work, and what was written since is the other's. */
            followed_at?: components["schemas"]["Timestamp"];
            /** @description Which deadline. */
            quiet: components["schemas"]["Quiet"];
            /** @description Without work since. */
            since: components["schemas"]["Timestamp"];
        };
        /** @description Who says how many tokens fit into a context window. */
        WindowSource: "record" | "model" | "observed";
    };
    responses: {
        /** @description The path, the query or the body does not have the form it must have. */
        400: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description Not signed in: there is no token, or one that is not known. */
        401: {
            headers: {
                /** @description `Bearer`. */
                "WWW-Authenticate"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description Signed in, but not allowed; or the request comes from a page of another origin. */
        403: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description There is no such session, revision, file or page. */
        404: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description The body came too slowly. */
        408: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description What it is about is no longer as the client believes. */
        409: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description The body is longer than is read. */
        413: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description The body is of another media type, or packed in a way that is not unpacked here. */
        415: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description The `Host` names another server. */
        421: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description The body could be read, and nothing of it could be taken. */
        422: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description Too many viewers, or too many tokens that are not known. */
        429: {
            headers: {
                /** @description Seconds after which it is worth to try again. */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description The headers are longer than are read; without a body. */
        431: {
            headers: {
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description It could not be answered; the cause is in the server's log under the request id. */
        500: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description The store is behind, locked or read-only, or too many requests are being read. */
        503: {
            headers: {
                /** @description Seconds after which it is worth to try again. */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
        /** @description The disk or the database is full. */
        507: {
            headers: {
                /** @description Seconds after which it is worth to try again. */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["ErrorBody"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type ActivityKind = components['schemas']['ActivityKind'];
export type ActivityReported = components['schemas']['ActivityReported'];
export type AgentActivity = components['schemas']['AgentActivity'];
export type AgentReported = components['schemas']['AgentReported'];
export type AgentTimes = components['schemas']['AgentTimes'];
export type AgentTotal = components['schemas']['AgentTotal'];
export type AgentTotals = components['schemas']['AgentTotals'];
export type AgentView = components['schemas']['AgentView'];
export type Approval = components['schemas']['Approval'];
export type ApprovalAnswer = components['schemas']['ApprovalAnswer'];
export type ApprovalAnswered = components['schemas']['ApprovalAnswered'];
export type Approvals = components['schemas']['Approvals'];
export type ArtifactChanged = components['schemas']['ArtifactChanged'];
export type ArtifactKind = components['schemas']['ArtifactKind'];
export type ArtifactView = components['schemas']['ArtifactView'];
export type Attention = components['schemas']['Attention'];
export type AttentionKind = components['schemas']['AttentionKind'];
export type Budget = components['schemas']['Budget'];
export type BudgetClear = components['schemas']['BudgetClear'];
export type BudgetDenied = components['schemas']['BudgetDenied'];
export type BudgetLevel = components['schemas']['BudgetLevel'];
export type BudgetPassed = components['schemas']['BudgetPassed'];
export type BudgetRaise = components['schemas']['BudgetRaise'];
export type BudgetRaised = components['schemas']['BudgetRaised'];
export type BudgetReport = components['schemas']['BudgetReport'];
export type BudgetScope = components['schemas']['BudgetScope'];
export type BurnRate = components['schemas']['BurnRate'];
export type CallerRole = components['schemas']['CallerRole'];
export type CallId = components['schemas']['CallId'];
export type CallReported = components['schemas']['CallReported'];
export type CheckpointReported = components['schemas']['CheckpointReported'];
export type ClientMessage = components['schemas']['ClientMessage'];
export type CompletionBasis = components['schemas']['CompletionBasis'];
export type CompletionReported = components['schemas']['CompletionReported'];
export type ContextWindow = components['schemas']['ContextWindow'];
export type CostRange = components['schemas']['CostRange'];
export type CurrentPhase = components['schemas']['CurrentPhase'];
export type Cursor = components['schemas']['Cursor'];
export type Custom = components['schemas']['Custom'];
export type CutShort = components['schemas']['CutShort'];
export type Day = components['schemas']['Day'];
export type DecisionRecorded = components['schemas']['DecisionRecorded'];
export type Decisions = components['schemas']['Decisions'];
export type DecisionView = components['schemas']['DecisionView'];
export type Envelope = components['schemas']['Envelope'];
export type Envelopes = components['schemas']['Envelopes'];
export type Epoch = components['schemas']['Epoch'];
export type ErrorBody = components['schemas']['ErrorBody'];
export type ErrorReported = components['schemas']['ErrorReported'];
export type ErrorView = components['schemas']['ErrorView'];
export type Estimate = components['schemas']['Estimate'];
export type EstimateRevised = components['schemas']['EstimateRevised'];
export type Event = components['schemas']['Event'];
export type EventId = components['schemas']['EventId'];
export type EventPage = components['schemas']['EventPage'];
export type Exported = components['schemas']['Exported'];
export type ExportLogs = components['schemas']['ExportLogs'];
export type ExportMetrics = components['schemas']['ExportMetrics'];
export type ExportResponse = components['schemas']['ExportResponse'];
export type Fact = components['schemas']['Fact'];
export type GroupBy = components['schemas']['GroupBy'];
export type HardBudget = components['schemas']['HardBudget'];
export type HardBudgets = components['schemas']['HardBudgets'];
export type Hook = components['schemas']['Hook'];
export type ImportReceipt = components['schemas']['ImportReceipt'];
export type Index = components['schemas']['Index'];
export type IndexingProgress = components['schemas']['IndexingProgress'];
export type LimitBasis = components['schemas']['LimitBasis'];
export type LimitPassed = components['schemas']['LimitPassed'];
export type LimitReported = components['schemas']['LimitReported'];
export type LimitShare = components['schemas']['LimitShare'];
export type LimitSource = components['schemas']['LimitSource'];
export type LimitsReport = components['schemas']['LimitsReport'];
export type LimitWindow = components['schemas']['LimitWindow'];
export type Login = components['schemas']['Login'];
export type LogLevel = components['schemas']['LogLevel'];
export type LogLine = components['schemas']['LogLine'];
export type LogMatches = components['schemas']['LogMatches'];
export type LogPage = components['schemas']['LogPage'];
export type MarkKind = components['schemas']['MarkKind'];
export type Me = components['schemas']['Me'];
export type Metric = components['schemas']['Metric'];
export type Notification = components['schemas']['Notification'];
export type NotificationEvent = components['schemas']['NotificationEvent'];
export type NotificationItem = components['schemas']['NotificationItem'];
export type NotificationRetry = components['schemas']['NotificationRetry'];
export type Notifications = components['schemas']['Notifications'];
export type NotificationState = components['schemas']['NotificationState'];
export type NotificationTarget = components['schemas']['NotificationTarget'];
export type NotificationTest = components['schemas']['NotificationTest'];
export type Origin = components['schemas']['Origin'];
export type OutcomeReport = components['schemas']['OutcomeReport'];
export type OutcomeRow = components['schemas']['OutcomeRow'];
export type Outcomes = components['schemas']['Outcomes'];
export type OutcomesBy = components['schemas']['OutcomesBy'];
export type PartialSuccess = components['schemas']['PartialSuccess'];
export type PatternRecorded = components['schemas']['PatternRecorded'];
export type PatternView = components['schemas']['PatternView'];
export type PhaseReported = components['schemas']['PhaseReported'];
export type PhaseResult = components['schemas']['PhaseResult'];
export type PhaseStatus = components['schemas']['PhaseStatus'];
export type PhaseView = components['schemas']['PhaseView'];
export type Problem = components['schemas']['Problem'];
export type ProblemCleared = components['schemas']['ProblemCleared'];
export type ProblemFound = components['schemas']['ProblemFound'];
export type ProblemKind = components['schemas']['ProblemKind'];
export type ProcessReported = components['schemas']['ProcessReported'];
export type ProcessStatus = components['schemas']['ProcessStatus'];
export type Progress = components['schemas']['Progress'];
export type PushReceipt = components['schemas']['PushReceipt'];
export type Quiet = components['schemas']['Quiet'];
export type Readiness = components['schemas']['Readiness'];
export type Ready = components['schemas']['Ready'];
export type Rejection = components['schemas']['Rejection'];
export type Retried = components['schemas']['Retried'];
export type RootHealth = components['schemas']['RootHealth'];
export type RootKind = components['schemas']['RootKind'];
export type RootState = components['schemas']['RootState'];
export type RowActivity = components['schemas']['RowActivity'];
export type RowPhase = components['schemas']['RowPhase'];
export type RowTasks = components['schemas']['RowTasks'];
export type RowTests = components['schemas']['RowTests'];
export type RowUsage = components['schemas']['RowUsage'];
export type RpcStatus = components['schemas']['RpcStatus'];
export type Series = components['schemas']['Series'];
export type ServerMessage = components['schemas']['ServerMessage'];
export type SessionId = components['schemas']['SessionId'];
export type SessionList = components['schemas']['SessionList'];
export type SessionName = components['schemas']['SessionName'];
export type SessionPlaces = components['schemas']['SessionPlaces'];
export type SessionRef = components['schemas']['SessionRef'];
export type SessionRow = components['schemas']['SessionRow'];
export type SessionSeen = components['schemas']['SessionSeen'];
export type SessionStatus = components['schemas']['SessionStatus'];
export type SessionView = components['schemas']['SessionView'];
export type Silence = components['schemas']['Silence'];
export type Silenced = components['schemas']['Silenced'];
export type Sort = components['schemas']['Sort'];
export type SourceAccount = components['schemas']['SourceAccount'];
export type SourceGone = components['schemas']['SourceGone'];
export type SourceKind = components['schemas']['SourceKind'];
export type SourceMoved = components['schemas']['SourceMoved'];
export type SourceOfState = components['schemas']['SourceOfState'];
export type SourceReturned = components['schemas']['SourceReturned'];
export type SourceUsage = components['schemas']['SourceUsage'];
export type Span = components['schemas']['Span'];
export type State = components['schemas']['State'];
export type StoredEvent = components['schemas']['StoredEvent'];
export type StoredSession = components['schemas']['StoredSession'];
export type StoreState = components['schemas']['StoreState'];
export type Subject = components['schemas']['Subject'];
export type TargetKind = components['schemas']['TargetKind'];
export type TaskReported = components['schemas']['TaskReported'];
export type TaskView = components['schemas']['TaskView'];
export type TestBasis = components['schemas']['TestBasis'];
export type TestIteration = components['schemas']['TestIteration'];
export type Tests = components['schemas']['Tests'];
export type TestsReported = components['schemas']['TestsReported'];
export type TestSummary = components['schemas']['TestSummary'];
export type Timeline = components['schemas']['Timeline'];
export type TimelineMark = components['schemas']['TimelineMark'];
export type TimelineSpan = components['schemas']['TimelineSpan'];
export type TimeRange = components['schemas']['TimeRange'];
export type Timestamp = components['schemas']['Timestamp'];
export type TokenCounts = components['schemas']['TokenCounts'];
export type ToolUsed = components['schemas']['ToolUsed'];
export type Topic = components['schemas']['Topic'];
export type TopicMark = components['schemas']['TopicMark'];
export type Usage = components['schemas']['Usage'];
export type UsageAmount = components['schemas']['UsageAmount'];
export type UsageMinute = components['schemas']['UsageMinute'];
export type UsageRecorded = components['schemas']['UsageRecorded'];
export type UsageReport = components['schemas']['UsageReport'];
export type UsageRow = components['schemas']['UsageRow'];
export type UsageShare = components['schemas']['UsageShare'];
export type UsageSource = components['schemas']['UsageSource'];
export type WaitingBegan = components['schemas']['WaitingBegan'];
export type WaitingEnded = components['schemas']['WaitingEnded'];
export type WaitingFor = components['schemas']['WaitingFor'];
export type WentQuiet = components['schemas']['WentQuiet'];
export type WindowSource = components['schemas']['WindowSource'];
export type Response400 = components['responses']['400'];
export type Response401 = components['responses']['401'];
export type Response403 = components['responses']['403'];
export type Response404 = components['responses']['404'];
export type Response408 = components['responses']['408'];
export type Response409 = components['responses']['409'];
export type Response413 = components['responses']['413'];
export type Response415 = components['responses']['415'];
export type Response421 = components['responses']['421'];
export type Response422 = components['responses']['422'];
export type Response429 = components['responses']['429'];
export type Response431 = components['responses']['431'];
export type Response500 = components['responses']['500'];
export type Response503 = components['responses']['503'];
export type Response507 = components['responses']['507'];
export type $defs = Record<string, never>;
export interface operations {
    listBudgets: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The hard budgets, as they stand at the moment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HardBudgets"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    clearBudget: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Which budget is cleared. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["BudgetClear"];
            };
        };
        responses: {
            /** @description A budget that stops agents once it is spent. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HardBudget"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    raiseBudget: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Which budget is raised, and to what. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["BudgetRaise"];
            };
        };
        responses: {
            /** @description A budget that stops agents once it is spent. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HardBudget"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    pushEvents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description One envelope or several. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Envelopes"];
            };
        };
        responses: {
            /** @description What became of a push. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PushReceipt"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
            507: components["responses"]["507"];
        };
    };
    claudeHook: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A hook of Claude Code as it comes; what is not named here is kept out of sight or passed over. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Hook"];
            };
        };
        responses: {
            /** @description A hard budget is spent: the refusal as the agent reads it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            /** @description It was taken, or dropped. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is broken off, or not packed as it says. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            /** @description It came too slowly. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is longer than is read. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    claudePermission: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A hook of Claude Code as it comes; what is not named here is kept out of sight or passed over. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Hook"];
            };
        };
        responses: {
            /** @description A hard budget is spent: the refusal as the agent reads it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            /** @description It was taken, or dropped. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is broken off, or not packed as it says. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            /** @description It came too slowly. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is longer than is read. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    codexHook: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A hook of Claude Code as it comes; what is not named here is kept out of sight or passed over. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Hook"];
            };
        };
        responses: {
            /** @description A hard budget is spent: the refusal as the agent reads it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            /** @description It was taken, or dropped. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is broken off, or not packed as it says. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            /** @description It came too slowly. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description It is longer than is read. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    importSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Everything that is stored of one session: `forgecast import` and `POST /api/v1/import` read it back. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Exported"];
            };
        };
        responses: {
            /** @description What became of an exported session. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportReceipt"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            422: components["responses"]["422"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
            507: components["responses"]["507"];
        };
    };
    getLimits: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` of what is here already. */
                "If-None-Match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The windows of all plans that are known, and what is being used, all from memory. */
            200: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitsReport"];
                };
            };
            /** @description Nothing changed. */
            304: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The socket is open. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A token that is to be exchanged for a cookie. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Any object. */
        requestBody: {
            content: {
                "application/json": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            403: components["responses"]["403"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who is signed in, and what this one may do. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            400: components["responses"]["400"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    listNotifications: {
        parameters: {
            query?: {
                /** @description At most so many, the newest ones. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who is called and when, and what was sent. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Notifications"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    retryNotifications: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description What is to be sent again. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NotificationRetry"];
            };
        };
        responses: {
            /** @description How much is sent again. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Retried"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    silenceNotifications: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A silence: nothing is sent while it lasts, and what is still needed at its end is sent then. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Silence"];
            };
        };
        responses: {
            /** @description Until when nothing is sent. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Silenced"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    testNotification: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description The target that is to be tested. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NotificationTest"];
            };
        };
        responses: {
            /** @description One message to one target. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Notification"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            408: components["responses"]["408"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getOutcomes: {
        parameters: {
            query?: {
                /** @description By what; otherwise by day. */
                group_by?: components["schemas"]["OutcomesBy"] | "";
                /** @description One project. */
                project?: string;
                /** @description The first day: a date, or a time which means its day. */
                since?: components["schemas"]["Day"] | "";
                /** @description The last day. */
                until?: components["schemas"]["Day"] | "";
            };
            header?: {
                /** @description The `ETag` of what is here already. */
                "If-None-Match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Finished sessions, grouped. */
            200: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OutcomeReport"];
                };
            };
            /** @description Nothing changed. */
            304: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    listSessions: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before, asked for with the same sort. */
                cursor?: components["schemas"]["Cursor"];
                /** @description Rows in a page: at most 1,000; 0 means 100. */
                limit?: number;
                /** @description Only this project; a session without one is of the project of its name. */
                project?: string;
                /** @description Only rows whose id, name, project or task contains this, whatever the case. */
                q?: string;
                /** @description Only sessions that ended at this moment or later; of those that are not over, that worked then or later. */
                since?: string;
                /** @description The order; of equal ones the newest session comes first. */
                sort?: components["schemas"]["Sort"];
                /** @description Only these statuses; an empty word is skipped, and none at all means any. */
                status?: (components["schemas"]["SessionStatus"] | "")[];
            };
            header?: {
                /** @description The `ETag` of what is here already. */
                "If-None-Match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of the overview. */
            200: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionList"];
                };
            };
            /** @description Nothing changed. */
            304: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` of what is here already. */
                "If-None-Match"?: string;
            };
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The whole view of a session: the `state` of a snapshot. */
            200: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Nothing changed. */
            304: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    forgetSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    listApprovals: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the agents of a session wait to be allowed, oldest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Approvals"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    answerApproval: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        /** @description An answer to one request. It holds once. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApprovalAnswer"];
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            408: components["responses"]["408"];
            409: components["responses"]["409"];
            413: components["responses"]["413"];
            415: components["responses"]["415"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getSessionAt: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` of what is here already. */
                "If-None-Match"?: string;
            };
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
                /** @description The number of a state of the session. */
                revision: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The whole view of a session: the `state` of a snapshot. */
            200: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionView"];
                };
            };
            /** @description Nothing changed. */
            304: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getEvents: {
        parameters: {
            query?: {
                /** @description The `sequence` of the last fact that is known. */
                after?: number;
                /** @description Facts in a page, at most 10,000. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Facts, in order. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPage"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    exportSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Everything that is stored of one session: `forgecast import` and `POST /api/v1/import` read it back. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Exported"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
                /** @description The name as the view lists it; its slashes may stand as they are. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The text. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; charset=utf-8": string;
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    followSession: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `id:` of the last event that is here, to go on behind it; anything else starts afresh. */
                "Last-Event-ID"?: string;
            };
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events: `event:` is the message's type, `data:` the message, `id:` epoch and revision. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getLog: {
        parameters: {
            query?: {
                /** @description Begins with the first line of this moment or later; not together with `offset`. */
                at?: string;
                /** @description Only lines that are at least this serious; one that does not say its level counts as `info`. */
                level?: components["schemas"]["LogLevel"];
                /** @description Lines in a page; brought into 1 to 10,000. */
                limit?: number;
                /** @description The number of the first line; absent: the last lines. */
                offset?: number;
                /** @description Only lines that contain this, whatever the case. */
                q?: string;
            };
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of a log. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogPage"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    findLines: {
        parameters: {
            query?: {
                /** @description Only lines that are at least this serious; one that does not say its level counts as `info`. */
                level?: components["schemas"]["LogLevel"];
                /** @description Where the search begins. */
                offset?: number;
                /** @description Only lines that contain this, whatever the case. */
                q?: string;
            };
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The numbers of the lines that match, as far as one look goes, for a viewer that shows how many there are and goes from one to the next. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogMatches"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getSeries: {
        parameters: {
            query: {
                /** @description Which number. */
                metric: components["schemas"]["Metric"];
                /** @description Seconds that a point stands for; 0 means 1. */
                resolution?: number;
            };
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One number over time. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Series"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getTimeline: {
        parameters: {
            query?: {
                /** @description The newest revision that is known: what followed it is told. */
                after?: number;
                /** @description Most spans, most marks and most times; brought into 2 to 2,000. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description A run by its id, or the newest run by the name. */
                id: components["schemas"]["SessionRef"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What changed in a session, revision by revision. Times never go back from one revision to the next: what was read late has the time at which it was learned. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Timeline"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            404: components["responses"]["404"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    followSessions: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `id:` of the last event that is here, to go on behind it; anything else starts afresh. */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events: `event:` is the message's type, `data:` the message, `id:` epoch and revision. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    getStats: {
        parameters: {
            query?: {
                /** @description By what; otherwise by day. */
                group_by?: components["schemas"]["GroupBy"] | "";
                /** @description One project. */
                project?: string;
                /** @description One session: an id, a name (its newest run) or the name of a transcript. */
                session?: components["schemas"]["SessionRef"] | "";
                /** @description The first day: a date, or a time which means its day. */
                since?: components["schemas"]["Day"] | "";
                /** @description The last day. */
                until?: components["schemas"]["Day"] | "";
            };
            header?: {
                /** @description The `ETag` of what is here already. */
                "If-None-Match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Tokens and cost of a span of days, in total and by the rows that were asked for. */
            200: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UsageReport"];
                };
            };
            /** @description Nothing changed. */
            304: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    alive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A text. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; charset=utf-8": string;
                };
            };
            400: components["responses"]["400"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Prometheus' text format. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; version=0.0.4; charset=utf-8": string;
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` of what is here already. */
                "If-None-Match"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Any object. */
            200: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description Nothing changed. */
            304: {
                headers: {
                    /** @description Names this very content. */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["400"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            503: components["responses"]["503"];
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether everything works, and what does not. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            400: components["responses"]["400"];
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            500: components["responses"]["500"];
            /** @description Whether everything works, and what does not. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
    exportLogs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description OTLP: `ExportLogsServiceRequest`. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExportLogs"];
                "application/x-protobuf": unknown;
            };
        };
        responses: {
            /** @description It is on disk; what was not taken is counted. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExportResponse"];
                    "application/x-protobuf": unknown;
                };
            };
            /** @description It cannot be read. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            /** @description It came too slowly. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            /** @description It is longer than is read. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            /** @description It is of another media type, or packed otherwise than with gzip. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            /** @description It could not be taken; the cause is in the server's log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            /** @description The store is behind, full or read-only; send it again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
        };
    };
    exportMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description OTLP: `ExportMetricsServiceRequest`. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExportMetrics"];
                "application/x-protobuf": unknown;
            };
        };
        responses: {
            /** @description It is on disk; what was not taken is counted. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExportResponse"];
                    "application/x-protobuf": unknown;
                };
            };
            /** @description It cannot be read. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            401: components["responses"]["401"];
            403: components["responses"]["403"];
            /** @description It came too slowly. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            /** @description It is longer than is read. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            /** @description It is of another media type, or packed otherwise than with gzip. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            421: components["responses"]["421"];
            429: components["responses"]["429"];
            431: components["responses"]["431"];
            /** @description It could not be taken; the cause is in the server's log. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
            /** @description The store is behind, full or read-only; send it again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RpcStatus"];
                    "application/problem+json": components["schemas"]["ErrorBody"];
                    "application/x-protobuf": unknown;
                };
            };
        };
    };
}
