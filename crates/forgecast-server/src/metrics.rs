//! Prometheus' text format, written by hand: a dozen lines do not need a registry. Numbers come from whoever counts
//! them, at the moment of the scrape; labels are from fixed lists only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use forgecast_hub::{Counters, ReportQuery};
use forgecast_protocol::health::{RootState, SourceHealth};
use forgecast_protocol::report::UsageAmount;
use tokio::time::timeout;

use crate::hook_queue::HookCounts;
use crate::state::AppState;

mod page;

use self::page::Page;

/// How long a scrape waits for the store.
const USAGE_PATIENCE: Duration = Duration::from_millis(500);

/// `GET /metrics`.
pub(crate) async fn scrape(State(shared): State<Arc<AppState>>) -> Response {
    // First, for it may take a moment: what is counted is counted together, behind it.
    let today = today(&shared).await;
    let mut page = Page::default();
    facts(&mut page, &shared.hub.counters());
    store(&mut page, &shared);
    sources(&mut page, &shared.health.borrow().clone());
    server(&mut page, &shared);
    hooks(&mut page, *shared.hooks.count());
    if let Some(today) = today {
        usage(&mut page, &today);
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, page.0).into_response()
}

/// Conservation: received = applied + duplicate + rejected + dropped, at every scrape.
fn facts(page: &mut Page, counters: &Counters) {
    page.counter(
        "forgecast_facts_received_total",
        "Facts that came in.",
        counters.received,
    );
    page.counter(
        "forgecast_facts_applied_total",
        "Facts that were folded.",
        counters.applied,
    );
    page.counter(
        "forgecast_facts_duplicate_total",
        "Facts that were known already.",
        counters.duplicate,
    );
    page.labelled(
        "forgecast_facts_rejected_total",
        "counter",
        "Facts that were not taken.",
        "reason",
        counters.rejected.iter().map(|(reason, count)| (*reason, *count)),
    );
    page.labelled(
        "forgecast_facts_dropped_total",
        "counter",
        "Facts that were taken and lost.",
        "reason",
        counters.dropped.iter().map(|(reason, count)| (*reason, *count)),
    );
    page.counter(
        "forgecast_facts_collapsed_total",
        "Applied facts that are in the stored state but not in the history, because the disk could not keep up.",
        counters.collapsed,
    );
    page.counter(
        "forgecast_facts_internal_total",
        "Facts of the hub itself: deadlines, estimates.",
        counters.internal,
    );
    log_lines(page, counters);
    page.counter(
        "forgecast_updates_total",
        "Updates of sessions published.",
        counters.updates,
    );
    page.counter(
        "forgecast_index_updates_total",
        "Updates of the index published.",
        counters.index_updates,
    );
    page.counter(
        "forgecast_session_activations_total",
        "Sessions brought back into memory.",
        counters.activations,
    );
    page.counter(
        "forgecast_session_evictions_total",
        "Finished sessions that left the index.",
        counters.evictions,
    );
    calls(page, counters);
    page.gauge("forgecast_sessions", "Sessions known.", counters.sessions);
    page.gauge(
        "forgecast_sessions_in_memory",
        "Sessions whose full view is in memory.",
        counters.sessions_in_memory,
    );
    page.gauge("forgecast_viewers", "Subscriptions at the moment.", counters.viewers);
}

fn calls(page: &mut Page, counters: &Counters) {
    page.counter(
        "forgecast_call_evictions_total",
        "Calls to models that left memory; they are stored.",
        counters.calls_evicted,
    );
    page.counter(
        "forgecast_transcript_evictions_total",
        "Transcripts of which it is no longer remembered whose they were.",
        counters.transcripts_evicted,
    );
    page.counter(
        "forgecast_adoptions_total",
        "Agents' own sessions that were taken over by a build.",
        counters.merged_sessions,
    );
    page.gauge(
        "forgecast_calls_in_memory",
        "Calls to models in memory.",
        counters.calls_in_memory,
    );
}

fn log_lines(page: &mut Page, counters: &Counters) {
    page.counter("forgecast_log_lines_total", "Log lines taken.", counters.log_lines);
    page.labelled(
        "forgecast_log_lines_rejected_total",
        "counter",
        "Log lines that were not taken.",
        "reason",
        counters
            .log_lines_rejected
            .iter()
            .map(|(reason, count)| (*reason, *count)),
    );
    page.counter(
        "forgecast_log_lines_unstored_total",
        "Log lines shown but not stored.",
        counters.log_lines_unstored,
    );
}

fn store(page: &mut Page, shared: &AppState) {
    let store = shared.hub.store_health();
    page.gauge(
        "forgecast_store_writable",
        "1 when the last transaction could be written.",
        u8::from(store.writable),
    );
    page.counter(
        "forgecast_store_commits_total",
        "Commits that are durable.",
        store.commits,
    );
    page.counter(
        "forgecast_store_transactions_total",
        "Transactions they took.",
        store.transactions,
    );
    page.counter(
        "forgecast_store_failures_total",
        "Transactions that failed.",
        store.failures,
    );
    page.counter("forgecast_store_rows_total", "Rows written.", store.rows);
    page.gauge(
        "forgecast_store_queued_commits",
        "Commits that wait for the disk.",
        store.queued,
    );
    page.gauge(
        "forgecast_store_backlog_bytes",
        "Bytes that wait for the disk.",
        store.backlog_bytes,
    );
    page.gauge("forgecast_store_file_bytes", "Size of the database.", store.file_bytes);
    page.gauge(
        "forgecast_store_wal_bytes",
        "Size of the write-ahead log.",
        store.wal_bytes,
    );
}

fn sources(page: &mut Page, health: &SourceHealth) {
    page.gauge(
        "forgecast_sources_ready",
        "1 when the first scan was handed over.",
        u8::from(health.ready),
    );
    let states = [
        ("watching", RootState::Watching),
        ("polling", RootState::Polling),
        ("missing", RootState::Missing),
        ("unreadable", RootState::Unreadable),
    ];
    let count = |state| health.roots.iter().filter(|root| root.state == state).count();
    page.labelled(
        "forgecast_roots",
        "gauge",
        "Configured folders by how they are observed.",
        "state",
        states.into_iter().map(|(word, state)| (word, count(state))),
    );
    page.gauge("forgecast_projects", "Projects known.", health.projects);
    page.gauge("forgecast_watches", "Folders with a system watch.", health.watches);
    page.gauge(
        "forgecast_polled_folders",
        "Folders polled for want of watches.",
        health.polled,
    );
    let indexing = health.indexing.unwrap_or_default();
    page.labelled(
        "forgecast_indexing_files",
        "gauge",
        "Archives that are read in the background, while there are any.",
        "state",
        [
            ("done", indexing.done),
            ("waiting", indexing.files.saturating_sub(indexing.done)),
        ],
    );
    page.gauge(
        "forgecast_source_problems",
        "Problems of sources that are open.",
        health.problems,
    );
    page.gauge(
        "forgecast_source_stuck_reads",
        "Readings that do not answer.",
        health.stuck,
    );
    page.counter(
        "forgecast_source_overflows_total",
        "Overflows of the system's notification queue.",
        health.overflows,
    );
    page.counter("forgecast_source_reads_total", "Files read.", health.reads);
    page.counter(
        "forgecast_source_read_bytes_total",
        "Bytes read from files.",
        health.bytes_read,
    );
}

fn server(page: &mut Page, shared: &AppState) {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    page.gauge("forgecast_connections", "Open connections.", shared.connections.count());
    page.counter(
        "forgecast_requests_refused_total",
        "Requests that the guard refused.",
        count(&shared.counts.requests_refused),
    );
    page.counter(
        "forgecast_telemetry_rejected_total",
        "Records of telemetry that could not be taken.",
        count(&shared.counts.telemetry_rejected),
    );
    page.counter(
        "forgecast_telemetry_ignored_total",
        "Records of telemetry that say nothing of interest.",
        count(&shared.counts.telemetry_ignored),
    );
    let closed = &shared.counts;
    page.labelled(
        "forgecast_viewers_closed_total",
        "counter",
        "WebSockets that the server closed.",
        "reason",
        [
            ("slow", count(&closed.slow)),
            ("idle", count(&closed.idle)),
            ("refused", count(&closed.refused)),
        ],
    );
}

/// What was used today; nothing when the store does not say it soon, for a scrape must come when something is wrong.
async fn today(shared: &AppState) -> Option<UsageAmount> {
    let today = shared.hub.day(shared.clock.now());
    let query = ReportQuery {
        since: Some(today),
        until: Some(today),
        ..ReportQuery::default()
    };
    let report = timeout(USAGE_PATIENCE, shared.hub.usage_report(query)).await.ok()?;
    Some(report.ok()?.totals)
}

fn usage(page: &mut Page, today: &UsageAmount) {
    let tokens = &today.tokens;
    page.labelled(
        "forgecast_usage_today_tokens",
        "gauge",
        "Tokens used today by this machine's calendar.",
        "type",
        [
            ("input", tokens.input),
            ("output", tokens.output),
            ("cache_read", tokens.cache_read),
            ("cache_write", tokens.cache_write),
        ],
    );
    page.gauge(
        "forgecast_usage_today_cost_usd",
        "What they cost, as far as their models have prices.",
        today.cost_usd,
    );
    page.gauge("forgecast_usage_today_calls", "Calls to models today.", today.calls);
    page.gauge(
        "forgecast_usage_today_unpriced_calls",
        "Of those, calls to models without a price.",
        today.unpriced_calls,
    );
}

/// Received = read + unreadable + dropped + waiting, at every scrape.
fn hooks(page: &mut Page, counts: HookCounts) {
    page.counter(
        "forgecast_hooks_received_total",
        "Hooks that were acknowledged.",
        counts.received(),
    );
    page.counter(
        "forgecast_hooks_read_total",
        "Hooks that were decoded; their facts are among the facts.",
        counts.read,
    );
    page.counter(
        "forgecast_hooks_unreadable_total",
        "Hooks that could not be decoded.",
        counts.unreadable,
    );
    page.counter(
        "forgecast_hooks_dropped_total",
        "Hooks that were acknowledged and lost, because too many waited.",
        counts.dropped,
    );
    page.gauge(
        "forgecast_hooks_waiting",
        "Hooks that wait to be decoded.",
        counts.waiting,
    );
}
