// The wire types, generated from the Rust definitions in `forgecast-protocol` by `cargo xtask gen`. Do not edit.

export const PROTOCOL_VERSION = 1;
export const HEARTBEAT_S = 2;

/** One agent. */
export type AgentView = {
/** `scout`, `builder`, `general-purpose`, … */
type?: string,
/** A name for people. */
name?: string,
/** The agent that started it. */
parent?: string,
/** `spawning`, `active`, `idle`, `completed`, `failed`, or the producer's word. */
status: string,
/** The phase it works in. */
phase?: string,
/** 0 to 100. */
progress_percent?: number,
/** Tokens used. */
tokens?: number,
/** The limit that the producer names. */
tokens_limit?: number,
/** Why it failed. */
error?: string,
/** Beginning. */
started_at?: string,
/** End. */
ended_at?: string,
/** Issues it found. */
issues_found?: number,
/** Issues it mended. */
issues_fixed?: number, };

/** What an artifact is. */
export type ArtifactKind = "summary" | "test_report" | "feedback" | "patterns" | "tasks" | "document" | "log" | "other";

/** One file of the session. */
export type ArtifactView = {
/** What it is. */
kind: ArtifactKind,
/** Bytes. */
size: number,
/** Last change. */
modified_at: string, };

/** What needs a person's notice: the latest of it, until the session goes on. */
export type Attention = {
/** What happened. */
kind: AttentionKind,
/** When it happened. */
since: string,
/** Its number. It only grows within a session, so a viewer tells each number once and sees what it missed. */
seq: number,
/** One line: why, or for a session that is completed what it did. May be empty. */
text: string, };

/** What is worth a person's notice. */
export type AttentionKind = "completed" | "failed" | "waiting" | "stalled" | "budget";

/** How a budget stands, as of the last mark that was passed. */
export type Budget = {
/** US dollars allowed. */
limit_usd: number,
/** How near it is. */
level: BudgetLevel, };

/** How near a limit is. */
export type BudgetLevel = "safe" | "warning" | "critical" | "exceeded";

/** How a budget stands at the moment. */
export type BudgetReport = {
/** Day or month. */
scope: BudgetScope,
/** Which one: `2026-11-22`, `2026-11`. */
period: string,
/** US dollars allowed. */
limit_usd: number,
/** US dollars spent. */
spent_usd: number,
/** US dollars at the end of the period at the present burn rate. */
projected_usd: number,
/** How near the limit it is. */
level: BudgetLevel, };

/** What a budget is for. */
export type BudgetScope = "session" | "day" | "month";

/** How fast tokens and money go at the moment. */
export type BurnRate = {
/** Over how many seconds it was measured, up to now. */
window_s: number,
/** Tokens per minute. */
tokens_per_minute: number,
/** US dollars per hour. */
usd_per_hour: number, };

/** What a viewer sends. */
export type ClientMessage = { "type": "subscribe",
/** What to follow. */
topic: string,
/** The epoch of what the viewer has. */
epoch?: string,
/** The revision of what the viewer has. */
revision?: number,
/** For a log: the number of the first line that is wanted. */
offset?: number, } | { "type": "unsubscribe",
/** What was followed, by the name that was used or by the canonical one. */
topic: string, };

/** How full the context window is. */
export type ContextWindow = {
/** Tokens in it. */
used?: number,
/** Tokens that fit. */
limit: number,
/** 0 to 100. */
percent: number,
/** `safe` below 50 %, `warning`, `critical` from 75 %. */
level: BudgetLevel, };

/** The current phase. */
export type CurrentPhase = {
/** Name: a word of the vocabulary, or the producer's own. */
name: string,
/** Its number as the producer writes it, without the total: `4`, `4.5`. */
number?: string,
/** How many phases there are, by the producer's account. */
total?: number,
/** What it is doing, one line. */
detail?: string,
/** Its beginning. */
started_at?: string, };

/** One decision. */
export type DecisionView = {
/** One line. */
title: string,
/** `Testing`, `Architecture`, … */
category?: string,
/** `HIGH`, `MEDIUM`, `LOW`, or the producer's word. */
severity?: string,
/** The phase in which it was made or found. */
phase?: string,
/** The phase that should have found it. */
should_detect_in_phase?: string,
/** Why it came about. */
root_cause?: string,
/** What was or should be done. */
solution?: string,
/** How sure its author is, as written. */
confidence?: string,
/** 1 to 5, when somebody rated it. */
quality?: number,
/** 1 to 5, when somebody rated it. */
difficulty?: number,
/** Whether a lesson of an earlier build was applied. */
lesson_used?: boolean,
/** When it was learned. */
at?: string, };

/** Decisions and lessons. */
export type Decisions = {
/** How many there are. */
total: number,
/** Mean of the ratings that were given, 1 to 5. */
avg_quality?: number,
/** How many applied a lesson of an earlier build. */
lessons_used: number,
/** The newest 50 by key. */
recent?: { [key in string]: DecisionView }, };

/** The body of every error answer: RFC 9457 `application/problem+json`. */
export type ErrorBody = {
/** A stable identifier of the kind of error, `urn:forgecast:error:<word>`. */
type: string,
/** The kind of error in a few words. */
title: string,
/** The HTTP status. */
status: number,
/** What is wrong with this request and the way out; absent when the cause stays in the log. */
detail?: string,
/** Finds the cause in the server's log. */
request_id?: string, };

/** One reported error. */
export type ErrorView = {
/** One line. */
message: string,
/** More of it. */
details?: string,
/** When it was reported. */
at: string, };

/** What is likely to remain, counted from `at`; worked out from history, absent when there is none. */
export type Estimate = {
/** When it was worked out. */
at: string,
/** Seconds, median. */
remaining_s: number,
/** Seconds, lower quartile. */
low_s: number,
/** Seconds, upper quartile. */
high_s: number,
/** What it rests on, one line: `median of 4 earlier runs of this project`. */
basis: string, };

/** By what usage is grouped. */
export type GroupBy = "day" | "project" | "model" | "phase" | "session";

/** The `state` of the topic `sessions`. */
export type Index = {
/** Rows by session id: all unfinished sessions and the 500 most recent. */
sessions: Record<string, SessionRow>,
/** How many sessions there are in all, older ones included. */
total: number,
/** Troubles that belong to no session, by key: a root that is missing, a database that is full. */
problems: Record<string, Problem>,
/** How far the first reading of old transcripts is, while it goes on. */
indexing?: IndexingProgress, };

/** See [`Fact::IndexingProgress`](super::Fact::IndexingProgress); `done` equal to `files` says that it is over. */
export type IndexingProgress = {
/** Files read to their end. */
done: number,
/** Files in all. */
files: number,
/** Bytes read. */
bytes_done: number,
/** Bytes in all. */
bytes: number, };

/** How serious a log line says it is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One line of a log: cleaned of control characters, secrets masked, colours as spans. */
export type LogLine = {
/** Number of the line within the session's log: only grows. Zero until the hub has numbered it. */
offset: number,
/** When the line arrived. */
at: string,
/** `error`, `warn`, `info`, `debug`; absent when the line does not say. */
level?: LogLevel,
/** The name of the file or producer it came from. */
from?: string,
/** The text without any control sequence. */
text: string,
/** Styled parts of the text, in order, not overlapping; what is not covered has no style. */
spans?: Array<Span>, };

/** What a mark stands for; the first ones are the last to be left out. */
export type MarkKind = "completed" | "failed" | "abandoned" | "budget" | "waiting" | "stalled" | "resumed" | "tests_failed" | "tests_passed" | "error" | "agent";

/** Finished sessions, grouped. */
export type OutcomeReport = {
/** By what the rows are grouped. */
group_by: OutcomesBy,
/** The groups: days newest first, projects by how many sessions they have, the most first. */
rows: Array<OutcomeRow>,
/** All of them together. */
totals: Outcomes, };

/** One group. */
export type OutcomeRow = {
/** The day, `2026-11-22`, or the project; what has no project has the empty one. */
key: string,
/** Sessions that were completed. */
completed: number,
/** Sessions that failed. */
failed: number,
/** Sessions that were given up: neither a success nor a failure. */
abandoned: number,
/** Seconds, median of the completed ones whose beginning and end are known; absent without one. */
median_s?: number,
/** Seconds, longest of the same. */
longest_s?: number, };

/** How many sessions ended in which way, and how long those took that were completed. */
export type Outcomes = {
/** Sessions that were completed. */
completed: number,
/** Sessions that failed. */
failed: number,
/** Sessions that were given up: neither a success nor a failure. */
abandoned: number,
/** Seconds, median of the completed ones whose beginning and end are known; absent without one. */
median_s?: number,
/** Seconds, longest of the same. */
longest_s?: number, };

/** By what finished sessions are grouped. */
export type OutcomesBy = "day" | "project";

/** One pattern. */
export type PatternView = {
/** One line. */
title: string,
/** The library it stands in. */
library?: string,
/** `HIGH`, `MEDIUM`, `LOW`, or the producer's word. */
severity?: string,
/** How often it was seen. */
frequency?: number,
/** How often it was prevented. */
times_prevented?: number, };

/** The state of one phase. */
export type PhaseStatus = "pending" | "active" | "completed" | "failed" | "skipped";

/** One phase of the pipeline. */
export type PhaseView = {
/** Position in the pipeline; phases that are not in the vocabulary come behind, in the order they came. */
order: number,
/** Status. */
status: PhaseStatus,
/** First beginning. */
started_at?: string,
/** Last end. */
ended_at?: string,
/** How often it began: more than once is a loop back (self-healing). */
attempts: number, };

/** One problem, keyed so that the same trouble is shown once and can be cleared. */
export type Problem = {
/** What kind of trouble. */
kind: ProblemKind,
/** One line that names the thing and the way out. */
message: string,
/** The file, folder or endpoint it is about. */
subject?: string, };

/** What kind of trouble a source is in; stable words, also used as metric labels. */
export type ProblemKind = "unparsable" | "bad_field" | "oversize" | "unreadable" | "refused" | "missing" | "degraded" | "overflow" | "conflict" | "store" | "rejected";

/** Progress and tasks. */
export type Progress = {
/** 0 to 100, from the phases done and, where stated, the tasks. */
percent?: number,
/** Tasks done. */
tasks_completed?: number,
/** Tasks in all. */
tasks_total?: number,
/** Tasks by id. */
tasks?: { [key in string]: TaskView },
/** Rounds of the loop, when the build is a loop that counts them. */
rounds?: number,
/** Remarks of the producer. */
notes?: Array<string>, };

/** The current phase, short. */
export type RowPhase = {
/** Name. */
name: string,
/** Number as written. */
number?: string,
/** How many there are. */
total?: number, };

/** Tasks, short. */
export type RowTasks = {
/** Done. */
completed: number,
/** In all. */
total: number, };

/** Tests, short. */
export type RowTests = {
/** Passed. */
passed?: number,
/** Failed. */
failed?: number, };

/** Usage, short. */
export type RowUsage = {
/** Tokens of all types. */
tokens: number,
/** US dollars. */
cost_usd?: number,
/** Some of it has no price: what it cost is more than `cost_usd`. */
unpriced?: boolean, };

/** What the server sends. */
export type ServerMessage = { "type": "hello",
/** See [`PROTOCOL_VERSION`]. */
protocol: number,
/** The server's time, for the viewer's clock offset. */
server_time: string,
/** See [`HEARTBEAT_S`]. */
heartbeat_s: number, } | { "type": "snapshot",
/** The canonical topic. */
topic: string,
/** Within it, revisions can be compared. */
epoch: string,
/** The revision of this state. */
revision: number,
/** A session's view, or for `sessions` an [`Index`]. */
state: unknown, } | { "type": "patch",
/** The canonical topic. */
topic: string,
/** As in the snapshot. */
epoch: string,
/** The revision that it applies to, and no other. */
from: number,
/** The revision that it leads to. */
revision: number,
/** JSON Merge Patch (RFC 7396). */
patch: unknown, } | { "type": "log",
/** The canonical topic. */
topic: string,
/** The number of the first of these lines. */
offset: number,
/** How many lines before them were left out, because the viewer was too slow or the lines are no longer kept. */
skipped?: number,
/** The lines, in order. */
lines: Array<LogLine>, } | { "type": "event",
/** The canonical topic. */
topic: string,
/** The event. */
event: unknown, } | { "type": "removed",
/** The canonical topic. */
topic: string, } | { "type": "error",
/** The topic as the viewer named it, when it is about one. */
topic?: string,
/** What is wrong and the way out. */
problem: ErrorBody, } | { "type": "heartbeat",
/** The server's time. */
server_time: string,
/** Every subscribed topic. */
revisions: Record<string, TopicMark>, };

/** One session in the index: enough for the overview. */
export type SessionRow = {
/** Canonical id. */
id: string,
/** Name for people. */
name: string,
/** The project. */
project?: string,
/** What the build was asked to do. */
task?: string,
/** The machine. */
host?: string,
/** Which kind of source. */
source: SourceOfState,
/** Status. */
status: SessionStatus,
/** What needs a person's notice. */
attention?: Attention,
/** Why the status is what it is, one line. */
status_reason?: string,
/** What it waits for, when it waits and the producer says for what. */
waiting_for?: WaitingFor,
/** The current phase. */
phase?: RowPhase,
/** Status of each phase by name, in no order; viewers order by the vocabulary. */
phases?: { [key in string]: PhaseStatus },
/** 0 to 100. */
progress_percent?: number,
/** Tasks, when there is a list of them. */
tasks?: RowTasks,
/** The round of the test loop; of a loop that keeps checkpoints, the round of that loop. */
iteration?: number,
/** Tests. */
tests?: RowTests,
/** Tokens and cost. */
usage?: RowUsage,
/** Agents at work. */
agents_active: number,
/** Problems of its sources. */
problems: number,
/** Beginning of the run. */
started_at?: string,
/** End of the run. */
ended_at?: string,
/** When a fact last moved. */
last_work_at?: string, };

/** A session's own status, whatever words its producer uses. */
export type SessionStatus = "running" | "waiting" | "stalled" | "completed" | "failed" | "abandoned";

/** The whole view of a session: the `state` of a snapshot. */
export type SessionView = {
/** Canonical id, `weather-app~1`. */
id: string,
/** Name for people. */
name: string,
/** The project, when it has another name. */
project?: string,
/** What the build was asked to do. */
task?: string,
/** The machine it runs on. */
host?: string,
/** The folder it works in. */
working_directory?: string,
/** Which kind of source the state comes from. */
source: SourceOfState,
/** Status. */
status: SessionStatus,
/** The producer's own word for its state. */
status_word?: string,
/** Why the status is what it is, one line. */
status_reason?: string,
/** What it waits for, when it waits and the producer says for what. */
waiting_for?: WaitingFor,
/** The current phase. */
phase?: CurrentPhase,
/** All phases by name, those of the vocabulary and any other. */
phases?: { [key in string]: PhaseView },
/** Progress and tasks. */
progress: Progress,
/** The test loop. */
tests?: Tests,
/** Agents by id. */
agents?: { [key in string]: AgentView },
/** Tokens and cost. */
usage?: Usage,
/** Decisions and lessons. */
decisions?: Decisions,
/** Patterns by id. */
patterns?: { [key in string]: PatternView },
/** Files of the session by path. */
artifacts?: { [key in string]: ArtifactView },
/** What is likely to remain. */
estimate?: Estimate,
/** Web addresses by label. */
links?: { [key in string]: string },
/** Troubles of its sources by key. */
problems?: { [key in string]: Problem },
/** Errors that were reported, newest by number. */
errors?: { [key in string]: ErrorView },
/** Beginning of the run. */
started_at?: string,
/** End of the run. */
ended_at?: string,
/** When a fact last moved. */
last_work_at?: string,
/** When the producer was last known to be alive, if that is later than the last work. */
last_seen_at?: string,
/** The last change of each section by its name: `phase`, `phases`, `progress`, `tests`, `agents`, `usage`, `decisions`, `patterns`, `artifacts`. */
changed_at?: Record<string, string>, };

/** Which kind of source the state comes from. */
export type SourceOfState = "live" | "checkpoint" | "transcript";

/** A styled stretch of a line, from the ANSI sequences that were taken out of it. */
export type Span = {
/** First character, counted in UTF-16 code units as browsers do. */
start: number,
/** The one after the last, in UTF-16 code units. */
end: number,
/** Space-separated style words: `bold`, `dim`, `italic`, `underline`, `fg-0` to `fg-15`, `bg-0` to `bg-15`. */
style: string, };

/** One task. */
export type TaskView = {
/** Position in the list. */
order: number,
/** What is to be done. */
description: string,
/** `pending`, `in_progress`, `completed`, `failed`, or the producer's word. */
status: string,
/** Ids of tasks that come first. */
dependencies?: Array<string>,
/** Files it is about. */
files?: Array<string>,
/** The producer's estimate, as text. */
estimated_time?: string, };

/** Where a test result was taken from, weakest first: a later source of the same or more weight replaces the numbers. */
export type TestBasis = "report" | "reported" | "summary";

/** One round of the test loop; a number that is stated nowhere is absent. */
export type TestIteration = {
/** Tests run. */
run?: number,
/** Tests passed. */
passed?: number,
/** Tests failed. */
failed?: number,
/** The verdict, when one is stated. */
verdict?: boolean,
/** When it was reported. */
at?: string, };

/** The result of the build as a whole. */
export type TestSummary = {
/** Tests run. */
total?: number,
/** Tests passed. */
passed?: number,
/** Tests failed. */
failed?: number,
/** Where the numbers come from. */
source: TestBasis, };

/** The test loop. */
export type Tests = {
/** The current round, counted from 1. */
iteration?: number,
/** The result of the build as a whole. */
summary?: TestSummary,
/** Each round by its number. */
iterations?: { [key in number]: TestIteration }, };

/** See the module. Times never go back from one revision to the next: what was read late is told when it was learned. */
export type Timeline = {
/** The session, by its canonical id. */
session: string,
/** The newest revision that is stored: what follows is asked for with `after`. */
revision: number,
/** The oldest revision that can be seen: what led to those before it is no longer kept. */
first_revision: number,
/** Attempts at phases, in the order in which they began. */
spans: Array<TimelineSpan>,
/** Moments worth a mark, in order. */
marks: Array<TimelineMark>,
/** When revisions came, in order: the first, the last, and of those between them as many as a scale can show. */
times: Array<[number, string]>,
/** Spans and marks that were left out, because there are too many. */
left_out: number, };

/** One moment worth a mark. */
export type TimelineMark = {
/** The first revision that shows it. */
revision: number,
/** When that was. */
at: string,
/** What it is. */
kind: MarkKind,
/** One line. */
label: string, };

/** One attempt at a phase. */
export type TimelineSpan = {
/** The phase. */
phase: string,
/** Which attempt at it, from 1: more than one is a loop back (self-healing). */
attempt: number,
/** How it stands, or stood when it was left: `pending` when the build went back behind it. */
status: PhaseStatus,
/** The first revision with it. */
revision: number,
/** When that was. */
at: string,
/** The first revision in which it is no longer at work. */
ended_revision?: number,
/** When that was. */
ended_at?: string, };

/** Tokens by type. */
export type TokenCounts = {
/** Sent to the model and not cached. */
input: number,
/** Written by the model. */
output: number,
/** Read from the cache. */
cache_read: number,
/** Written to the cache. */
cache_write: number, };

/** The state of a topic in brief; for a log the revision is the number of its next line. */
export type TopicMark = {
/** The newest revision. */
revision: number,
/** SHA-256 of the canonical state, hexadecimal; opaque to browsers. */
digest?: string, };

/** Tokens and cost. */
export type Usage = {
/** US dollars, of what has a price. */
cost_usd?: number,
/** Whether every call had a price. */
priced: boolean,
/** Calls to a model; 0 when nobody names single calls. */
calls: number,
/** Calls whose model has no price. */
unpriced_calls: number,
/** Calls of which two sources give different numbers; the better source counts. */
disputed_calls: number,
/** By model. */
by_model?: { [key in string]: UsageShare },
/** By phase. */
by_phase?: { [key in string]: UsageShare },
/** By the agent's id; the main one is `main`. Only when there are others. */
by_agent?: { [key in string]: UsageShare },
/** What each source says by its own account, side by side, never to be summed. Only when there are several. */
by_source?: { [key in string]: UsageShare },
/**
 * The newest 60 minutes in which tokens were used, by their beginning (`2026-11-22T00:15:00Z`): what a burn rate is
 * worked out from.
 */
recent?: { [key in string]: UsageMinute },
/** The context window. */
context?: ContextWindow,
/** The budget of this session, once a mark of it was passed. */
budget?: Budget,
/** Where the numbers come from, best first. */
provenance?: Array<UsageSource>,
/** Sent to the model and not cached. */
input: number,
/** Written by the model. */
output: number,
/** Read from the cache. */
cache_read: number,
/** Written to the cache. */
cache_write: number, };

/** Tokens, money and calls. */
export type UsageAmount = {
/** US dollars, of the calls whose model has a price. */
cost_usd: number,
/** Calls to a model. */
calls: number,
/** Calls whose model has no price: their tokens are counted, their cost is not known. */
unpriced_calls?: number,
/** Sent to the model and not cached. */
input: number,
/** Written by the model. */
output: number,
/** Read from the cache. */
cache_read: number,
/** Written to the cache. */
cache_write: number, };

/** What was used within one minute. */
export type UsageMinute = {
/** Tokens of all types. */
tokens: number,
/** US dollars. */
cost_usd?: number, };

/** See the module. */
export type UsageReport = {
/** By what the rows are grouped. */
group_by: GroupBy,
/** The groups: days newest first, everything else by cost, then tokens, the most first. */
rows: Array<UsageRow>,
/** All rows together. */
totals: UsageAmount,
/** What was used today by this machine's calendar. Absent when the report leaves out today. */
today?: UsageAmount,
/** What today will have cost at the present burn rate. */
today_projected_usd?: number,
/** The present burn rate; only a running server knows it. */
burn?: BurnRate,
/** Budgets of the day and the month, when they are set. */
budgets?: Array<BudgetReport>,
/** The date of the price table, `2026-11-21`. */
prices_of: string, };

/** One group. */
export type UsageRow = {
/** The same by model. */
models?: { [key in string]: UsageAmount },
/** When tokens of it were last used. */
last_used_at?: string, } & ({ [key in "day" | "project" | "model" | "phase" | "session"]?: string }) & {
/** US dollars, of the calls whose model has a price. */
cost_usd: number,
/** Calls to a model. */
calls: number,
/** Calls whose model has no price: their tokens are counted, their cost is not known. */
unpriced_calls?: number,
/** Sent to the model and not cached. */
input: number,
/** Written by the model. */
output: number,
/** Read from the cache. */
cache_read: number,
/** Written to the cache. */
cache_write: number, };

/** A share of the usage. */
export type UsageShare = {
/** US dollars. */
cost_usd?: number,
/** Sent to the model and not cached. */
input: number,
/** Written by the model. */
output: number,
/** Read from the cache. */
cache_read: number,
/** Written to the cache. */
cache_write: number, };

/** Who says how many tokens a call used, best first: of several that speak of one call, the best one counts. */
export type UsageSource = "transcript" | "otel" | "hook" | "reported" | "estimated";

/** What a session waits for. */
export type WaitingFor = "permission" | "prompt" | "answer";
