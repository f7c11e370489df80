//! Tokens and cost without a server: every transcript is read once and goes through the same ledger as in one, so both say
//! the same. Keeps nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use forgecast_ingest::AgentHomes;
use forgecast_ingest::scan::{self, ScanOptions, ScanProgress, ScanSummary, Scanned, ScannedCall, ScannedTotal};
use forgecast_protocol::calendar::date;
use forgecast_protocol::event::UsageSource;
use forgecast_protocol::report::{AgentTotals, GroupBy, UsageAmount, UsageReport};
use forgecast_protocol::{Calendar, Timestamp};
use forgecast_session::ledger::{CallOrigin, Counted, Ledger};
use forgecast_session::price::{PRICES_OF, Prices, dollars};
use forgecast_store::UsageGroup;

use crate::cli::UsageArgs;

/// A run of an agent is reported at its end, less than this many minutes after its last answer.
const LAST_ANSWER_MINUTES: i64 = 2;

/// What transcripts say.
pub(crate) struct Transcripts {
    /// The calls.
    ledger: Ledger,
    /// What agents said last of their own sessions.
    totals: BTreeMap<Arc<str>, ScannedTotal>,
    /// Titles by session, if they were asked for.
    titles: BTreeMap<Arc<str>, String>,
    /// What drivers of agents report of those that they drove; it counts where there is no transcript of it.
    reported: Vec<ScannedCall>,
    /// The minutes in which transcripts tell of calls, by agent and folder.
    minutes: BTreeMap<(&'static str, Arc<str>), BTreeSet<i64>>,
}

impl Transcripts {
    /// Reads everything below these folders, on all cores; `titles` says whether titles of sessions are wanted as well.
    pub(crate) fn scan(
        roots: &AgentHomes,
        prices: Prices,
        titles: bool,
        progress: impl Fn(ScanProgress) + Sync,
    ) -> (Self, ScanSummary) {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let transcripts = Mutex::new(Self {
            ledger: Ledger::new(prices),
            totals: BTreeMap::new(),
            titles: BTreeMap::new(),
            reported: Vec::new(),
            minutes: BTreeMap::new(),
        });
        let options = ScanOptions { threads, titles };
        let summary = scan::usage(roots, options, progress, |found| {
            let mut transcripts = transcripts.lock().unwrap_or_else(PoisonError::into_inner);
            match found {
                Scanned::Call(call) => transcripts.take(call),
                Scanned::Total(total) => transcripts.observe_total(total),
                Scanned::Title(title) => {
                    transcripts.titles.insert(title.session, title.title);
                }
            }
        });
        let mut transcripts = transcripts.into_inner().unwrap_or_else(PoisonError::into_inner);
        for call in std::mem::take(&mut transcripts.reported) {
            if !transcripts.has_transcript_of(&call) {
                transcripts.observe(&call);
            }
        }
        (transcripts, summary)
    }

    fn take(&mut self, call: ScannedCall) {
        if call.report.source == UsageSource::Reported {
            self.reported.push(call);
            return;
        }
        if let (Some(folder), Some(at)) = (&call.directory, call.report.used_at) {
            let minutes = self.minutes.entry((call.agent.key, folder.clone())).or_default();
            minutes.insert(at.as_millis().div_euclid(60_000));
        }
        self.observe(&call);
    }

    /// Whether a transcript tells of what is reported: one of the same kind of agent, in the same folder, just before.
    fn has_transcript_of(&self, reported: &ScannedCall) -> bool {
        let (Some(folder), Some(at)) = (&reported.directory, reported.report.used_at) else {
            return false;
        };
        let minute = at.as_millis().div_euclid(60_000);
        let of_claude = ["claude", "opus", "sonnet", "haiku", "fable"];
        let agents: &[&str] = match reported.report.model.as_deref() {
            Some(model) if of_claude.iter().any(|name| model.contains(name)) => &["claude"],
            Some(_) => &["codex"],
            // The model was named the day before, in another file.
            None => &["claude", "codex"],
        };
        agents.iter().any(|agent| {
            let minutes = self.minutes.get(&(*agent, folder.clone()));
            minutes.is_some_and(|minutes| minutes.range(minute - LAST_ANSWER_MINUTES..=minute).next().is_some())
        })
    }

    fn observe(&mut self, call: &ScannedCall) {
        let at = call.report.used_at.unwrap_or(Timestamp::from_millis(0));
        let file = call.file.to_string_lossy();
        let origin = CallOrigin {
            session: &call.session,
            owner: &call.session,
            path: &file,
            phase: "",
            project: project(call),
        };
        self.ledger.observe(&call.report, at, origin);
    }

    fn observe_total(&mut self, total: ScannedTotal) {
        let time = |total: &ScannedTotal| (total.total.at, total.offset);
        let known = self
            .totals
            .entry(total.session.clone())
            .or_insert_with(|| total.clone());
        if time(&total) > time(known) {
            *known = total;
        }
    }

    /// What agents say that their own sessions cost, in US dollars.
    fn stated_costs(&self) -> BTreeMap<&str, f64> {
        let totals = self.totals.iter();
        totals
            .filter_map(|(session, stated)| Some((&**session, stated.total.cost_usd?)))
            .collect()
    }
}

/// The name of the folder that the agent was started in, else what the agent's own folder says of it.
fn project(call: &ScannedCall) -> &str {
    let folder = call
        .directory
        .as_deref()
        .and_then(|folder| Path::new(folder).file_name());
    folder
        .and_then(|name| name.to_str())
        .or(call.path.project.as_deref())
        .unwrap_or_default()
}

/// The report about what transcripts say. How fast money goes at the moment is known to a server only.
pub(crate) fn report(transcripts: &Transcripts, args: &UsageArgs, today: i32, calendar: &Calendar) -> UsageReport {
    let is_wanted =
        |day: i32| args.since.is_none_or(|since| since <= day) && args.until.is_none_or(|until| day <= until);
    let mut groups: BTreeMap<(String, String), UsageGroup> = BTreeMap::new();
    let mut of_today = UsageGroup::default();
    // What agents say is of whole sessions, so that it can be compared with those alone.
    let stated = match (args.since, args.until) {
        (None, None) => transcripts.stated_costs(),
        _ => BTreeMap::new(),
    };
    let mut counted_nanos: u64 = 0;
    for call in transcripts.ledger.rows() {
        let day = calendar.day(call.used_at);
        if !is_wanted(day) {
            continue;
        }
        if day == today {
            add(&mut of_today, &call);
        }
        if stated.contains_key(&*call.owner) {
            counted_nanos = counted_nanos.saturating_add(call.cost_nanos.unwrap_or_default());
        }
        let model = call.model.clone().unwrap_or_default();
        let key = match args.by {
            GroupBy::Day => date(day),
            GroupBy::Project => call.project.clone(),
            GroupBy::Model => model.clone(),
            GroupBy::Phase => call.phase.clone(),
            GroupBy::Session => call.owner.clone(),
        };
        let group = groups
            .entry((key, model))
            .or_insert_with_key(|(key, model)| UsageGroup {
                key: key.clone(),
                model: model.clone(),
                ..UsageGroup::default()
            });
        add(group, &call);
    }
    let mut rows = forgecast_hub::usage_rows(args.by, groups.into_values().collect());
    if args.by == GroupBy::Session {
        rows.iter_mut()
            .for_each(|row| row.title = transcripts.titles.get(row.key()).cloned());
    }
    let mut totals = UsageAmount::default();
    rows.iter().for_each(|row| totals.add(&row.amount));
    UsageReport {
        group_by: args.by,
        rows,
        totals,
        today: is_wanted(today).then(|| of_today.amount()),
        agent_totals: (!stated.is_empty()).then(|| AgentTotals {
            sessions: stated.len() as u64,
            cost_usd: stated.values().sum(),
            counted_usd: dollars(counted_nanos),
        }),
        prices_of: PRICES_OF.to_owned(),
        ..UsageReport::default()
    }
}

fn add(group: &mut UsageGroup, call: &Counted) {
    group.tokens.add(&call.tokens);
    group.calls += call.calls;
    match call.cost_nanos {
        Some(nanos) => group.cost_nanos = group.cost_nanos.saturating_add(nanos),
        None => group.unpriced += 1,
    }
    group.last_used_at = group.last_used_at.max(call.used_at);
}
