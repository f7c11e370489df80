//! Accounts for model calls: several sources report the same call, repeatedly and with increasing totals, and each call
//! counts once. The ledger keeps what is known of each call, and turns every report into the difference that it makes to
//! what counts. The calls that changed are stored in the same commit as their differences.

mod cache;
mod tool_uses;

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::event::UsageSource;
use forgecast_protocol::{Batch, Calendar, Event, Fact, SessionId, SourceKind, Timestamp};
use forgecast_session::ledger::{Account, Belonging, Call, Counted, Difference, differences, key_of_request, keys_of};
use forgecast_store::StoredCall;

use crate::commits::{CallRow, CommitDraft};
use crate::frame;
use crate::options::Options;
pub(crate) use cache::CallCache;
use tool_uses::ToolUses;

/// The key under which all calls of an agent session are found.
pub(crate) fn key_of_owner(owner: &str) -> u64 {
    key_of_request(&format!("owner {owner}"))
}

/// What a report changed.
#[derive(Default)]
pub(crate) struct LedgerChange {
    /// Whether it contained anything that was not known.
    pub(crate) is_news: bool,
    /// The differences of what counts, each with the day of the calendar that it belongs to.
    pub(crate) differences: Vec<(i32, Difference)>,
}

/// The calls in memory, and which of them changed since the last commit.
#[derive(Default)]
pub(crate) struct CallLedger {
    /// The calls themselves; which of them are in memory is managed there.
    pub(crate) calls: CallCache,
    tools: ToolUses,
    /// The calls that changed, with further keys under which they are to be found.
    changed: BTreeMap<u64, BTreeSet<u64>>,
    /// Numbers of calls that became part of another one.
    absorbed: BTreeSet<u64>,
}

impl CallLedger {
    /// The keys of the calls that a batch reports, sorted.
    pub(crate) fn keys_of(&self, batch: &Batch) -> Vec<u64> {
        let mut keys = Vec::new();
        for event in &batch.events {
            match &event.fact {
                Fact::CallReported(report) => keys.extend(keys_of(report)),
                Fact::ToolUsed(_) => {
                    let tool = tool_of(event);
                    keys.extend(tool.and_then(|(tool, _)| self.tools.call_of(tool)));
                }
                _ => {}
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The sessions that the calls of these keys count for at the moment.
    pub(crate) fn sessions_of(&self, keys: &[u64]) -> impl Iterator<Item = SessionId> {
        let numbers = self.calls.find(keys);
        let calls = numbers.iter().filter_map(|number| self.calls.get(*number));
        let counted = calls.flat_map(|call| call.counted().into_iter().map(|counted| counted.session));
        let sessions: BTreeSet<String> = counted.collect();
        sessions.into_iter().filter_map(|session| session.parse().ok())
    }

    /// Adds what a source reports of one call. `further` is another key under which the call is to be found.
    pub(crate) fn observe(&mut self, account: Account, further: Option<u64>, options: &Options) -> LedgerChange {
        let keys = keys_of(&account.report);
        let mut seen = Vec::new();
        if let Some(key) = keys.first() {
            for tool in &account.report.tools {
                let sources = self.tools.asked(tool, *key);
                seen.extend(sources.map(|source| (source, tool.clone())));
            }
        }
        self.change(&keys, further, &options.calendar, |call| {
            let mut is_news = call.observe(account, &options.prices);
            for (source, tool) in &seen {
                is_news |= call.confirm(*source, tool);
            }
            is_news
        })
    }

    /// A hook or telemetry saw the use of a tool: that confirms the call that asked for it. `None` when the fact is about
    /// no such use, or the call is not known.
    pub(crate) fn confirm(&mut self, event: &Event, options: &Options) -> Option<LedgerChange> {
        let (tool, source) = tool_of(event)?;
        let key = self.tools.seen(tool, source)?;
        Some(self.change(&[key], None, &options.calendar, |call| call.confirm(source, tool)))
    }

    /// Changes the one call that has any of these keys, or a new one. Calls that turn out to have keys in common become
    /// one.
    fn change(
        &mut self,
        keys: &[u64],
        further: Option<u64>,
        calendar: &Calendar,
        change: impl FnOnce(&mut Call) -> bool,
    ) -> LedgerChange {
        let numbers = self.calls.find(keys);
        let mut before = Vec::new();
        let mut call: Option<Call> = None;
        let mut commits = 0;
        for number in &numbers {
            let Some((known, uncommitted)) = self.calls.take(*number) else {
                continue;
            };
            before.extend(known.counted());
            commits = uncommitted;
            match &mut call {
                Some(call) => call.absorb(known),
                None => call = Some(known),
            }
        }
        let mut call = call.unwrap_or_default();
        let is_news = change(&mut call) | (numbers.len() > 1);
        let differences = if is_news {
            differences_by_day(&before, &call.counted(), calendar)
        } else {
            Vec::new()
        };
        // A call that names neither message nor request counts every time it is reported: there is nothing to find again.
        if let Some(number) = call.keys().first().copied() {
            let commits = if numbers == [number] { commits } else { 0 };
            self.calls.put_back(number, call, commits);
            if is_news {
                for old in numbers.into_iter().filter(|old| *old != number) {
                    self.changed.remove(&old);
                    self.absorbed.insert(old);
                }
                self.absorbed.remove(&number);
                self.changed.entry(number).or_default().extend(further);
            }
        }
        LedgerChange { is_news, differences }
    }

    /// The calls of an agent session count for a build from now on.
    pub(crate) fn rebind(
        &mut self,
        calls: &[StoredCall],
        agent: &SessionId,
        belonging: impl Fn(Timestamp) -> Belonging,
        options: &Options,
    ) -> Vec<(i32, Difference)> {
        self.calls.load(calls);
        let numbers: Vec<u64> = calls.iter().map(|call| call.number).collect();
        let mut differences = Vec::new();
        for number in self.calls.find(&numbers) {
            let Some((mut call, commits)) = self.calls.take(number) else {
                continue;
            };
            let before = call.counted();
            if call.rebind(agent.name().as_str(), &belonging) {
                differences.extend(differences_by_day(&before, &call.counted(), &options.calendar));
                self.changed.entry(number).or_default();
            }
            self.calls.put_back(number, call, commits);
        }
        differences
    }

    /// Moves the calls that changed into a draft.
    pub(crate) fn draft_changes(&mut self, draft: &mut CommitDraft) {
        draft.forgotten_calls.append(&mut self.absorbed);
        for (number, further) in std::mem::take(&mut self.changed) {
            if let Some(call) = self.calls.get(number) {
                let mut keys = call.keys();
                keys.extend(further);
                let body = frame::json(call);
                draft.calls.insert(number, CallRow { keys, body });
            }
        }
    }
}

/// Differences between what counted and what counts. A call belongs to one day as a whole, also when its last account is
/// of another day than its first.
fn differences_by_day(before: &[Counted], after: &[Counted], calendar: &Calendar) -> Vec<(i32, Difference)> {
    let day_of = |counted: &Counted| calendar.day(counted.used_at);
    let days: BTreeSet<i32> = before.iter().chain(after).map(day_of).collect();
    let mut dated = Vec::new();
    for day in &days {
        let of_day = |all: &[Counted]| -> Vec<Counted> {
            let of_day = all.iter().filter(|counted| day_of(counted) == *day);
            of_day.cloned().collect()
        };
        let differences = if days.len() == 1 {
            differences(before, after)
        } else {
            differences(&of_day(before), &of_day(after))
        };
        dated.extend(differences.into_iter().map(|difference| (*day, difference)));
    }
    dated
}

/// The id of the tool use that a hook or telemetry saw, with the source that saw it.
fn tool_of(event: &Event) -> Option<(&str, UsageSource)> {
    let Fact::ToolUsed(used) = &event.fact else {
        return None;
    };
    let source = match event.origin.kind {
        SourceKind::Hook => UsageSource::Hook,
        SourceKind::Otlp => UsageSource::Otel,
        _ => return None,
    };
    Some((used.use_id.as_deref()?, source))
}

#[cfg(test)]
mod tests {
    use forgecast_protocol::event::{CallId, CallReported, CallTokens};

    use super::*;

    fn account(message: &str, output: u64) -> Account {
        Account {
            report: CallReported {
                call: CallId {
                    message: Some(message.into()),
                    request: None,
                    sidechain: false,
                },
                source: UsageSource::Transcript,
                used_at: None,
                model: None,
                fast: None,
                web_searches: 0,
                inference_geo: None,
                tokens: CallTokens {
                    output,
                    ..CallTokens::default()
                },
                cost_usd: None,
                agent: None,
                context_window: None,
                tools: Vec::new(),
                offset: 0,
            },
            session: "a~1".into(),
            owner: "a".into(),
            path: "a.jsonl".into(),
            at: Timestamp::from_millis(0),
            phase: String::new(),
            project: String::new(),
        }
    }

    #[test]
    fn a_report_counts_by_the_difference_that_it_makes() {
        let (mut ledger, options) = (CallLedger::default(), Options::default());
        let mut output = |tokens| {
            let change = ledger.observe(account("m", tokens), None, &options);
            let outputs = change
                .differences
                .iter()
                .map(|(_, difference)| difference.usage.tokens.output);
            (change.is_news, outputs.sum::<i64>())
        };
        assert_eq!(output(10), (true, 10));
        assert_eq!(output(10), (false, 0));
        assert_eq!(output(25), (true, 15));
        let mut draft = CommitDraft::default();
        ledger.draft_changes(&mut draft);
        assert_eq!(draft.calls.len(), 1);
        ledger.draft_changes(&mut draft);
        assert_eq!((draft.calls.len(), ledger.calls.len()), (1, 1));
    }
}
