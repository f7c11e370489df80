//! `GET /metrics` in Prometheus' text format. Numbers come from whoever counts them, at the moment
//! of the scrape; labels are from fixed lists only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use forgecast_hub::Counters;
use forgecast_protocol::health::{RootState, SourceHealth};
use forgecast_protocol::report::UsageAmount;
use forgecast_protocol::rest::{Day, LimitWindow, LimitsReport, StatsQuery};
use tokio::time::timeout;

use crate::etag::NoStore;
use crate::hook_queue::HookCounts;
use crate::state::AppState;

mod page;

use self::page::Page;

/// Adds numbers to a page, one per line: kind, name, help, value. Several numbers under one name are
/// told apart `by` a label.
macro_rules! metrics {
    ($page:ident; $($kind:ident $name:literal, $help:literal $(by $label:literal)?, $value:expr;)+) => {
        $(metrics!(@ $page $kind $name, $help $(by $label)?, $value);)+
    };
    (@ $page:ident $kind:ident $name:literal, $help:literal by $label:literal, $values:expr) => {
        $page.labeled($name, stringify!($kind), $help, $label, $values)
    };
    (@ $page:ident histogram $name:literal, $help:literal, $value:expr) => {
        $page.histogram($name, $help, $value)
    };
    (@ $page:ident $kind:ident $name:literal, $help:literal, $value:expr) => {
        $page.number($name, stringify!($kind), $help, $value)
    };
}

/// How long a scrape waits for the store.
const USAGE_TIMEOUT: Duration = Duration::from_millis(500);

/// `GET /metrics`.
pub(crate) async fn scrape(State(shared): State<Arc<AppState>>) -> NoStore<Exposition> {
    // First, because it may take a moment: the counters are read together after it.
    let today = today(&shared).await;
    let mut page = Page::default();
    facts(&mut page, &shared.hub.counters());
    store(&mut page, &shared);
    sources(&mut page, &shared.health.borrow().clone());
    server(&mut page, &shared);
    hooks(&mut page, *shared.hooks.count(), shared.hub.budget_denials());
    limits(&mut page, &shared.hub.limits());
    if let Some(today) = today {
        usage(&mut page, &today);
    }
    NoStore(Exposition(page.0))
}

/// Prometheus' text format.
pub(crate) struct Exposition(String);

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
        (kind, self.0).into_response()
    }
}

/// Conservation: received = applied + duplicate + rejected + dropped, at every scrape.
fn facts(page: &mut Page, counters: &Counters) {
    metrics! { page;
        counter "forgecast_facts_received_total", "Facts that came in.", counters.received;
        counter "forgecast_facts_applied_total", "Facts that were folded.", counters.applied;
        counter "forgecast_facts_duplicate_total", "Facts that were known already.", counters.duplicate;
        counter "forgecast_facts_rejected_total", "Facts that were not accepted." by "reason",
            pairs(&counters.rejected);
        counter "forgecast_facts_dropped_total", "Facts that were accepted and lost." by "reason",
            pairs(&counters.dropped);
        counter "forgecast_facts_collapsed_total", "Applied facts that are in the stored state but not in the \
            history, because the disk could not keep up.", counters.collapsed;
        counter "forgecast_facts_internal_total", "Facts of the hub itself: deadlines, estimates.", counters.internal;
        counter "forgecast_log_lines_total", "Log lines accepted.", counters.log_lines;
        counter "forgecast_log_lines_rejected_total", "Log lines that were not accepted." by "reason",
            pairs(&counters.log_lines_rejected);
        counter "forgecast_log_lines_unstored_total", "Log lines shown but not stored.", counters.log_lines_unstored;
        counter "forgecast_updates_total", "Updates of sessions published.", counters.updates;
        counter "forgecast_index_updates_total", "Updates of the index published.", counters.index_updates;
        counter "forgecast_session_activations_total", "Sessions brought back into memory.", counters.activations;
        counter "forgecast_session_evictions_total", "Finished sessions that left the index.", counters.evictions;
        counter "forgecast_call_evictions_total", "Model calls that left memory; they are stored.",
            counters.calls_evicted;
        counter "forgecast_transcript_evictions_total", "Transcripts whose session is no longer remembered.",
            counters.transcripts_evicted;
        counter "forgecast_adoptions_total", "Agents' own sessions that were merged into a build.",
            counters.merged_sessions;
        histogram "forgecast_fold_seconds", "How long it took to fold a batch, publication included.", &counters.folds;
        histogram "forgecast_publish_seconds", "Of that: how long it took to publish what changed.",
            &counters.publications;
        gauge "forgecast_intake_waiting", "Batches of the sources that wait to be folded.", counters.intake_waiting;
        gauge "forgecast_calls_in_memory", "Model calls in memory.", counters.calls_in_memory;
        gauge "forgecast_sessions", "Sessions known.", counters.sessions;
        gauge "forgecast_sessions_unfinished", "Unfinished sessions, which are never evicted.",
            counters.sessions_unfinished;
        gauge "forgecast_sessions_in_memory", "Sessions whose full view is in memory.", counters.sessions_in_memory;
        gauge "forgecast_viewers", "Subscriptions at the moment.", counters.viewers;
    }
}

fn pairs(counts: &BTreeMap<&'static str, u64>) -> impl Iterator<Item = (&'static str, u64)> {
    counts.iter().map(|(word, count)| (*word, *count))
}

fn store(page: &mut Page, shared: &AppState) {
    let store = shared.hub.store_health();
    metrics! { page;
        gauge "forgecast_store_writable", "1 when the last transaction could be written.", u8::from(store.writable);
        gauge "forgecast_store_readable", "1 when the last query could be answered.", u8::from(store.readable);
        counter "forgecast_store_commits_total", "Commits that are durable.", store.commits;
        counter "forgecast_store_transactions_total", "Transactions they took.", store.transactions;
        histogram "forgecast_store_transaction_seconds", "How long they took until they were durable.", &store.durations;
        counter "forgecast_store_failures_total", "Transactions that failed.", store.failures;
        counter "forgecast_store_rows_total", "Rows written.", store.rows;
        gauge "forgecast_store_queued_commits", "Commits that wait for the disk.", store.queued;
        gauge "forgecast_store_backlog_bytes", "Bytes that wait for the disk.", store.backlog_bytes;
        gauge "forgecast_store_file_bytes", "Size of the database.", store.file_bytes;
        gauge "forgecast_store_wal_bytes", "Size of the write-ahead log.", store.wal_bytes;
    }
}

fn sources(page: &mut Page, health: &SourceHealth) {
    let states = [
        ("watching", RootState::Watching),
        ("polling", RootState::Polling),
        ("missing", RootState::Missing),
        ("unreadable", RootState::Unreadable),
    ];
    let count = |state| health.roots.iter().filter(|root| root.state == state).count();
    let roots = states.into_iter().map(|(word, state)| (word, count(state)));
    let indexing = health.indexing.unwrap_or_default();
    let indexing = [
        ("done", indexing.done),
        ("waiting", indexing.files.saturating_sub(indexing.done)),
    ];
    metrics! { page;
        gauge "forgecast_sources_ready", "1 when the first scan was handed over.", u8::from(health.ready);
        gauge "forgecast_roots", "Configured folders by how they are observed." by "state", roots;
        gauge "forgecast_projects", "Projects known.", health.projects;
        gauge "forgecast_watches", "Folders with a system watch.", health.watches;
        gauge "forgecast_polled_folders", "Folders polled because there are not enough watches.", health.polled;
        gauge "forgecast_indexing_files", "Archives that are read in the background, while there are any." by "state",
            indexing;
        gauge "forgecast_source_problems", "Open problems of sources.", health.problems;
        gauge "forgecast_source_stuck_reads", "Reads that do not return.", health.stuck;
        counter "forgecast_source_overflows_total", "Overflows of the system's notification queue.", health.overflows;
        counter "forgecast_source_looks_total", "Sources looked at by `stat`, whatever the notifications say.", health.looks;
        counter "forgecast_source_reads_total", "Files read.", health.reads;
        counter "forgecast_source_read_bytes_total", "Bytes read from files.", health.bytes_read;
    }
}

fn server(page: &mut Page, shared: &AppState) {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let counts = &shared.counts;
    let closed = [
        ("slow", count(&counts.slow)),
        ("idle", count(&counts.idle)),
        ("refused", count(&counts.refused)),
    ];
    metrics! { page;
        gauge "forgecast_connections", "Open connections.", shared.connections.count();
        gauge "forgecast_viewers_behind", "WebSockets whose peer does not take what is sent to it at the moment.",
            count(&counts.behind);
        counter "forgecast_requests_refused_total", "Requests that the guard refused.",
            count(&counts.requests_refused);
        counter "forgecast_telemetry_rejected_total", "Telemetry records that could not be accepted.",
            count(&counts.telemetry_rejected);
        counter "forgecast_telemetry_ignored_total", "Telemetry records without anything of interest.",
            count(&counts.telemetry_ignored);
        counter "forgecast_viewers_closed_total", "WebSockets that the server closed." by "reason", closed;
    }
}

/// What was used today; `None` when the store does not answer soon, since a scrape must work when something is wrong.
async fn today(shared: &AppState) -> Option<UsageAmount> {
    let today = Some(Day::Of(shared.clock.now()));
    let query = StatsQuery {
        since: today,
        until: today,
        ..StatsQuery::default()
    };
    let report = timeout(USAGE_TIMEOUT, shared.hub.usage_report(query)).await.ok()?;
    Some(report.ok()?.totals)
}

fn usage(page: &mut Page, today: &UsageAmount) {
    let tokens = [
        ("input", today.tokens.input),
        ("output", today.tokens.output),
        ("cache_read", today.tokens.cache_read),
        ("cache_write", today.tokens.cache_write),
    ];
    metrics! { page;
        gauge "forgecast_usage_today_tokens", "Tokens used today by this machine's calendar." by "type", tokens;
        gauge "forgecast_usage_today_cost_usd", "What they cost, as far as their models have prices.", today.cost_usd;
        gauge "forgecast_usage_today_calls", "Model calls today.", today.calls;
        gauge "forgecast_usage_today_unpriced_calls", "Of those, calls of models without a price.",
            today.unpriced_calls;
    }
}

/// Windows of the plans of known agents; what is not known, because it ended or is estimated, has no line.
fn limits(page: &mut Page, report: &LimitsReport) {
    let known = || {
        let windows = report.windows.iter();
        windows.filter_map(|window| Some((word_of_window(window)?, window)))
    };
    let used = known().filter_map(|(word, window)| Some((word, window.used_percent?)));
    let resets = known().filter_map(|(word, window)| Some((word, window.resets_at?.as_millis() / 1_000)));
    metrics! { page;
        gauge "forgecast_limit_used_percent", "How much of a plan's window is used up, where a source says so."
            by "window", used;
        gauge "forgecast_limit_resets_timestamp_seconds", "When a plan's window ends, where it is known."
            by "window", resets;
    }
}

fn word_of_window(window: &LimitWindow) -> Option<&'static str> {
    if window.account.is_some() || window.scope.is_some() || window.unknown_since.is_some() {
        return None;
    }
    match (window.agent.as_str(), window.window_minutes) {
        ("claude", 300) => Some("claude_five_hours"),
        ("claude", 10_080) => Some("claude_week"),
        ("codex", 300) => Some("codex_five_hours"),
        ("codex", 10_080) => Some("codex_week"),
        _ => None,
    }
}

/// Received = read + unreadable + dropped + waiting, at every scrape.
fn hooks(page: &mut Page, counts: HookCounts, denials: u64) {
    metrics! { page;
        counter "forgecast_hooks_received_total", "Hooks that were acknowledged.", counts.received();
        counter "forgecast_hooks_read_total", "Hooks that were decoded; their facts are among the facts.",
            counts.read;
        counter "forgecast_hooks_unreadable_total", "Hooks that could not be decoded.", counts.unreadable;
        counter "forgecast_hooks_dropped_total", "Hooks that were acknowledged and lost, because the queue was full.",
            counts.dropped;
        counter "forgecast_budget_denials_total", "Hooks that were refused because a hard budget is spent.", denials;
        gauge "forgecast_hooks_waiting", "Hooks that wait to be decoded.", counts.waiting;
    }
}
