//! What sources tell of calls to models, for tests: transcripts, telemetry and hooks of agents, and their totals.

use forgecast_protocol::event::{CallId, CallReported, CallTokens, SessionSeen, ToolUsed, UsageSource};
use forgecast_protocol::report::{GroupBy, UsageReport};
use forgecast_protocol::rest::StatsQuery;
use forgecast_protocol::{Batch, Event, Fact, Origin, SourceKind, Subject, Timestamp};
use serde_json::Value;

use crate::bench::Bench;

/// The model of the tests: 5 and 25 dollars for a million tokens in and out.
pub(crate) const MODEL: &str = "claude-opus-4-8";

/// An agent's own session in a folder.
pub(crate) fn transcript(name: &str, directory: &str) -> Subject {
    Subject {
        transcript: Some(name.parse().unwrap()),
        directory: (!directory.is_empty()).then(|| directory.into()),
        ..Subject::default()
    }
}

/// A call of so many tokens in and as many out.
pub(crate) fn call(message: &str, request: &str, tokens: u64) -> CallReported {
    let some = |id: &str| (!id.is_empty()).then(|| id.to_owned());
    CallReported {
        call: CallId {
            message: some(message),
            request: some(request),
            sidechain: false,
        },
        source: UsageSource::Transcript,
        used_at: None,
        model: Some(MODEL.into()),
        fast: None,
        web_searches: 0,
        inference_geo: None,
        tokens: CallTokens {
            input: tokens,
            output: tokens,
            ..CallTokens::default()
        },
        cost_usd: None,
        agent: None,
        context_window: None,
        tools: Vec::new(),
        offset: 0,
    }
}

/// A fact as a source of this kind tells it.
pub(crate) fn told(kind: SourceKind, subject: Subject, at: Timestamp, fact: Fact) -> Event {
    let path = match (&kind, &subject.transcript) {
        (SourceKind::Transcript, Some(name)) => format!("projects/app/{name}.jsonl"),
        (kind, _) => format!("{kind:?}"),
    };
    Event {
        id: None,
        subject,
        at,
        origin: Origin {
            kind,
            path: Some(path),
            first_sight: false,
            modified_at: None,
        },
        fact,
    }
}

/// A batch of one fact of a transcript.
pub(crate) fn line(bench: &Bench, subject: &Subject, fact: Fact) -> Batch {
    Batch::of(told(SourceKind::Transcript, subject.clone(), bench.clock.now(), fact))
}

/// A hook saw a use of a tool.
pub(crate) fn tool(use_id: &str) -> Fact {
    Fact::ToolUsed(ToolUsed {
        tool: "Bash".into(),
        use_id: Some(use_id.into()),
        ..ToolUsed::default()
    })
}

pub(crate) fn titled(title: &str) -> Fact {
    Fact::SessionSeen(SessionSeen {
        title: Some(title.into()),
        ..SessionSeen::default()
    })
}

/// Waits until what was fed is folded and durable.
pub(crate) async fn settled(bench: &Bench) {
    crate::bench::eventually(async || bench.hub.intake().capacity() == bench.hub.intake().max_capacity()).await;
    bench.hub.push(Batch::default()).await.unwrap();
    bench.hub.flush().await.unwrap();
}

/// Waits until so many facts were dealt with since the start, then until they are durable.
pub(crate) async fn received(bench: &Bench, facts: u64) {
    crate::bench::eventually(async || bench.hub.counters().received >= facts).await;
    settled(bench).await;
}

/// What the view of a session says was used.
pub(crate) async fn usage(bench: &Bench, session: &str) -> Value {
    match bench.view(session).await {
        Some((_, view)) => view["usage"].clone(),
        None => Value::Null,
    }
}

pub(crate) async fn report(bench: &Bench, group_by: GroupBy) -> UsageReport {
    let query = StatsQuery {
        group_by: Some(group_by),
        ..StatsQuery::default()
    };
    bench.hub.usage_report(query).await.unwrap()
}

/// Input, output, calls.
pub(crate) fn amount(usage: &Value) -> (u64, u64, u64) {
    let number = |field: &str| usage[field].as_u64().unwrap_or(0);
    (number("input"), number("output"), number("calls"))
}

pub(crate) fn assert_conserved(bench: &Bench) {
    let counters = bench.hub.counters();
    let lost: u64 = counters.rejected.values().chain(counters.dropped.values()).sum();
    assert_eq!(counters.received, counters.applied + counters.duplicate + lost);
}

/// The views of these sessions add up to what the history says, and to nothing else.
pub(crate) async fn assert_views_add_up(bench: &Bench, sessions: &[&str]) {
    let mut sum = (0, 0, 0);
    let mut cost = 0.0;
    for session in sessions {
        let usage = usage(bench, session).await;
        let (input, output, calls) = amount(&usage);
        sum = (sum.0 + input, sum.1 + output, sum.2 + calls);
        cost += usage["cost_usd"].as_f64().unwrap_or(0.0);
    }
    for group_by in GroupBy::ALL {
        let report = report(bench, group_by).await;
        let totals = &report.totals;
        assert_eq!(
            (totals.tokens.input, totals.tokens.output, totals.calls),
            sum,
            "{group_by}"
        );
        assert!(
            (totals.cost_usd - cost).abs() < 1e-6,
            "{} is not {cost}",
            totals.cost_usd
        );
    }
}
