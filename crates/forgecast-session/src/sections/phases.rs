//! The phases of a run as its sources report them: the phase file (or the same by HTTP), a checkpoint, at last the list
//! of a summary. Here a report becomes [`Report`], whatever its source; `pipeline` moves the phases to where it says.

mod pipeline;

use std::collections::{BTreeMap, BTreeSet};

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{CheckpointReported, CompletionReported, PhaseReported, PhaseResult, SourceKind};
use forgecast_protocol::session::{PhaseStatus, PhaseView};
use serde::{Deserialize, Serialize};

use super::{Context, percent};
use crate::vocabulary::{self, Meaning};
pub(crate) use pipeline::{Pipeline, has_deployed, phase_at};

/// A report that is at most this much older than the checkpoint still counts as live.
const FRESH_MS: i64 = 10_000;
/// A phase file that is seen for the first time and changed less than this ago was made just now.
const JUST_NOW_MS: u64 = 10_000;
/// Longest phase that is believed, seconds: a year.
const MAX_SECONDS: f64 = 31_536_000.0;
/// The phases that a checkpoint's loop goes through, in order; its fourth word is `complete`.
const LOOP: [&str; 3] = [vocabulary::SCOUT, vocabulary::ARCHITECT, vocabulary::BUILDER];

/// What was reported last, and what the pipeline remembers of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Phases {
    /// The last report of a phase file or a push.
    live: Option<LiveReport>,
    /// The last report of a checkpoint.
    checkpoint: Option<Box<StoredCheckpoint>>,
    /// The folder of that checkpoint.
    checkpoint_path: Option<String>,
    /// Whether the live report has aged beside a checkpoint that is newer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_aged: bool,
    /// Length of the longest `phases_completed` of this run, once one was given.
    longest_list: Option<usize>,
    /// The phases that the last list called done.
    last_list: BTreeSet<String>,
    /// Beginning of the attempt at the current phase, as it is shown.
    attempt_began: Option<Timestamp>,
    /// When the attempt began, if that was seen as it happened: only then may its duration be measured.
    attempt_seen: Option<Timestamp>,
    /// Milliseconds spent in each phase, of the attempts that were seen from beginning to end.
    spent_ms: BTreeMap<String, u64>,
    /// Whether the phases are only what a summary lists.
    phases_of_summary: bool,
    /// How phases ended by the account of a summary, for those of which nobody reports.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    results: BTreeMap<String, StoredResult>,
    /// The file of that summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    results_path: Option<String>,
    /// The share that was shown last.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown_percent: Option<ShownPercent>,
}

/// The share that is done, as it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct ShownPercent {
    /// How often phases had been begun anew by then.
    retries: u32,
    percent: f64,
}

/// How a phase ended by the account of a summary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct StoredResult {
    status: PhaseStatus,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
}

/// The last phase report and when it was true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LiveReport {
    fact: PhaseReported,
    /// File or push: their unknown fields are not compared with each other.
    kind: SourceKind,
    /// When the file changed, or the push came.
    time: Timestamp,
}

/// The last checkpoint and when it was true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredCheckpoint {
    fact: CheckpointReported,
    /// When the files changed.
    time: Timestamp,
    /// Whether they changed while the run was followed.
    #[serde(default)]
    observed: bool,
}

impl LiveReport {
    /// Whether it names a phase and says nothing more, as the broadcaster of a loop does.
    fn is_bare(&self) -> bool {
        let fact = &self.fact;
        let is_said = fact.status.is_some() || fact.phase_number.is_some() || fact.detail.is_some();
        let is_listed = fact.phases_completed.is_some() || fact.tasks_total.is_some();
        self.kind != SourceKind::PhaseFile && !is_said && !is_listed
    }
}

impl Phases {
    /// What the last phase report said.
    pub(crate) fn live(&self) -> Option<&PhaseReported> {
        self.live.as_ref().map(|live| &live.fact)
    }

    /// What the last checkpoint said.
    pub(crate) fn checkpoint(&self) -> Option<&CheckpointReported> {
        self.checkpoint.as_ref().map(|checkpoint| &checkpoint.fact)
    }

    /// Whether this repeats the last report of another kind of source: a phase file and the same file by HTTP are one
    /// fact.
    pub(crate) fn repeats_another_source(&self, kind: SourceKind, fact: &PhaseReported) -> bool {
        self.last_says(fact, |live| live != kind)
    }

    /// Whether the last report is a phase file's and says this.
    pub(crate) fn file_says(&self, fact: &PhaseReported) -> bool {
        self.last_says(fact, |live| live == SourceKind::PhaseFile)
    }

    fn last_says(&self, fact: &PhaseReported, is_source: impl FnOnce(SourceKind) -> bool) -> bool {
        let live = self.live.as_ref();
        live.is_some_and(|live| is_source(live.kind) && live.fact == storable(fact))
    }

    /// Whether this says word for word what is known.
    pub(crate) fn repeats(&self, fact: &PhaseReported) -> bool {
        self.live() == Some(fact)
    }

    /// Takes a phase report in, unless a newer one is known. Whether it is work by itself: it is the first one, or fields
    /// moved of which nothing is known but that.
    pub(crate) fn take(&mut self, fact: &PhaseReported, cx: &Context<'_>) -> Option<bool> {
        let known = self.live.as_ref();
        if known.is_some_and(|live| live.time > cx.at && !cx.observed) {
            return None;
        }
        let kind = cx.origin.kind;
        let moved = known.is_none_or(|live| live.kind == kind && live.fact.extra != fact.extra);
        self.live = Some(LiveReport {
            fact: fact.clone(),
            kind,
            time: cx.at,
        });
        self.has_aged = false;
        Some(moved)
    }

    /// Takes a checkpoint in.
    pub(crate) fn take_checkpoint(&mut self, fact: &CheckpointReported, cx: &Context<'_>) {
        self.checkpoint = Some(Box::new(StoredCheckpoint {
            fact: fact.clone(),
            time: cx.at,
            observed: cx.observed,
        }));
        self.checkpoint_path.clone_from(&cx.origin.path);
    }

    /// The folder of the last checkpoint.
    pub(crate) fn checkpoint_path(&self) -> Option<&str> {
        self.checkpoint_path.as_deref()
    }

    /// Forgets the checkpoint if it was read from this folder; whether it was.
    pub(crate) fn take_back_checkpoint(&mut self, path: &str) -> bool {
        let is_from_there = self.checkpoint_path.as_deref() == Some(path);
        if is_from_there {
            self.checkpoint = None;
            self.checkpoint_path = None;
        }
        is_from_there
    }

    /// Whether the live report is as new as the checkpoint, or nearly. The bare name of a phase says no more than a
    /// checkpoint does: the newer one counts.
    pub(crate) fn live_is_fresh(&self) -> bool {
        match (&self.live, &self.checkpoint) {
            (Some(live), Some(checkpoint)) => {
                let ahead = if live.is_bare() { 0 } else { FRESH_MS };
                !self.has_aged && live.time.plus_millis(ahead) >= checkpoint.time
            }
            (live, _) => live.is_some(),
        }
    }

    /// Of a live report that is older than the checkpoint and counts nevertheless: since when it is there, and until when it
    /// counts.
    pub(crate) fn freshness(&self) -> Option<(Timestamp, Timestamp)> {
        let (live, checkpoint) = (self.live.as_ref()?, self.checkpoint.as_ref()?);
        let is_older = live.time < checkpoint.time && self.live_is_fresh();
        is_older.then(|| (live.time, live.time.plus_millis(FRESH_MS)))
    }

    /// The live report has aged: what the checkpoint says in its place.
    pub(crate) fn age(&mut self) -> Option<Report> {
        let known = self.checkpoint.as_ref()?;
        self.has_aged = true;
        Some(Report::of_checkpoint(&known.fact, known.time, known.observed))
    }

    /// Whether the build is a loop's, which has three phases: a checkpoint names them, and nothing says more of them.
    pub(crate) fn are_of_loop(&self) -> bool {
        self.checkpoint.is_some() && self.live.as_ref().is_none_or(LiveReport::is_bare)
    }

    /// Whether a word for the end of the build may be believed that comes without anything else: no source that says more
    /// contradicts it.
    pub(crate) fn may_be_over(&self) -> bool {
        let is_told_by_file = self
            .live
            .as_ref()
            .is_some_and(|live| live.kind == SourceKind::PhaseFile);
        let checkpoint = self.checkpoint();
        !is_told_by_file && checkpoint.is_none_or(|known| known.complete || says_complete(known))
    }

    /// A run without any report of its phases has at least the list of its summary. Where there are reports they are
    /// the better witness: a summary is written by a model, at the end, from memory.
    pub(crate) fn take_summary(&mut self, fact: &CompletionReported, cx: &Context<'_>) -> Option<Report> {
        if self.live.is_some() || self.checkpoint.is_some() {
            return None;
        }
        let done = self.results.keys().filter(|name| self.has_result(name));
        let done: Vec<String> = fact.phases_completed.iter().flatten().chain(done).cloned().collect();
        if done.is_empty() && fact.phases_completed.is_none() {
            return None;
        }
        self.phases_of_summary = true;
        Some(Report::of_summary(&done, cx))
    }

    /// Takes in what a summary says of the phases that ended.
    pub(crate) fn take_results(&mut self, fact: &CompletionReported, cx: &Context<'_>) {
        let ended = fact.phases.iter().filter_map(|(word, result)| {
            let result = StoredResult::of(result, cx)?;
            Some((vocabulary::phase(word)?, result))
        });
        self.results = ended.collect();
        self.results_path = cx.origin.path.clone().filter(|_| !self.results.is_empty());
    }

    /// Forgets what this summary said of the phases.
    pub(crate) fn take_back_results(&mut self, path: &str) {
        if self.results_path.as_deref() == Some(path) {
            self.results.clear();
            self.results_path = None;
        }
    }

    /// The share that is to be shown: it falls only when a phase is begun anew, not because the pipeline or a list of tasks
    /// proves to be longer.
    pub(crate) fn hold_percent(&mut self, percent: Option<f64>, phases: &BTreeMap<String, PhaseView>) -> Option<f64> {
        let again = phases.values().map(|phase| phase.attempts.saturating_sub(1));
        let retries = again.fold(0, u32::saturating_add);
        let shown = self.shown_percent.filter(|shown| shown.retries == retries);
        self.shown_percent = percent.map(|percent| ShownPercent {
            retries,
            percent: shown.map_or(percent, |shown| shown.percent.max(percent)),
        });
        self.shown_percent.map(|shown| shown.percent)
    }

    /// Something that was counted proved to be another run's.
    pub(crate) fn forget_percent(&mut self) {
        self.shown_percent = None;
    }

    /// Whether a summary says that the phase is done.
    fn has_result(&self, name: &str) -> bool {
        let result = self.results.get(name);
        result.is_some_and(|result| result.status == PhaseStatus::Completed)
    }

    /// Length of the longest list of phases done that this run gave, once one was given.
    pub(crate) fn longest_list(&self) -> Option<usize> {
        self.longest_list
    }

    /// Milliseconds spent in each phase, of the attempts that were seen from beginning to end.
    pub(crate) fn spent_ms(&self) -> &BTreeMap<String, u64> {
        &self.spent_ms
    }

    /// Beginning of the attempt at the current phase.
    pub(crate) fn attempt_began(&self) -> Option<Timestamp> {
        self.attempt_began
    }

    /// Begins the pipeline anew, for a better witness.
    pub(crate) fn forget(&mut self, phases: &mut BTreeMap<String, PhaseView>) {
        phases.clear();
        self.forget_percent();
        self.last_list.clear();
        self.longest_list = None;
    }
}

/// The report as a snapshot holds it: what is not a number would be read back as nothing.
pub(crate) fn storable(fact: &PhaseReported) -> PhaseReported {
    PhaseReported {
        context_percent: percent(fact.context_percent),
        ..fact.clone()
    }
}

/// A report of a phase, whatever source it comes from, in the fold's own words.
pub(crate) struct Report {
    /// Name of the phase; absent if the source names none.
    pub(crate) phase: Option<String>,
    /// What the word for its state means.
    pub(crate) meaning: Meaning,
    /// The word itself.
    pub(crate) word: Option<String>,
    /// Number as written and the total.
    pub(crate) number: (Option<String>, Option<u32>),
    /// What it is doing.
    pub(crate) detail: Option<String>,
    /// The phases called done, by their names here; absent is not the same as empty.
    pub(crate) done: Option<Vec<String>>,
    /// When the report became true.
    pub(crate) at: Timestamp,
    /// When the phase began: known if it begins while the run is followed, else the producer's time where that is sane.
    pub(crate) began: Option<Timestamp>,
    /// When the phase began, if that was seen as it happened, so that a duration may be measured from it.
    pub(crate) measured: Option<Timestamp>,
    /// Whether what ended did so while the run was followed: at first sight nobody knows when.
    pub(crate) observed: bool,
    /// Whether what is absent is unsaid (a push) rather than gone (a file).
    pub(crate) partial: bool,
    /// How the source says that the build is done as a whole, if it does.
    pub(crate) completion: Option<Completion>,
}

/// What a source says when it calls a build done as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// A checkpoint is marked as complete: the build is, whatever failed on the way.
    Marked,
    /// A phase is called complete: the build has failed if a phase did and was not done again.
    Named,
}

impl Completion {
    /// Why the build is over.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Marked => "The checkpoint is marked COMPLETE",
            Self::Named => "The build is reported as complete",
        }
    }
}

impl Report {
    /// Of a phase file, or the same by HTTP.
    pub(crate) fn of_phase(fact: &PhaseReported, cx: &Context<'_>) -> Self {
        let stated = |time: Option<Timestamp>| time.filter(|time| *time <= cx.received && !cx.observed);
        // The file of a new build is read for the first time just after it was written.
        let just_now = cx.observed || cx.received.millis_since(cx.at) < JUST_NOW_MS;
        let measured = just_now.then_some(cx.at);
        let meaning = fact.status.as_deref().map_or(Meaning::Active, vocabulary::meaning);
        let word = fact.phase.as_deref().unwrap_or_default();
        let ends = vocabulary::names_end(word) && !matches!(meaning, Meaning::Failed | Meaning::Waiting);
        Self {
            phase: fact.phase.as_deref().and_then(vocabulary::phase).filter(|_| !ends),
            meaning: if ends { Meaning::Completed } else { meaning },
            completion: ends.then_some(Completion::Named),
            word: fact.status.clone(),
            number: fact.phase_number.as_deref().map_or((None, None), split_number),
            detail: fact.detail.clone(),
            done: fact.phases_completed.as_deref().map(names),
            at: stated(fact.last_updated).unwrap_or(cx.at),
            began: stated(fact.started_at).or(measured),
            measured,
            observed: cx.observed,
            partial: cx.origin.kind != SourceKind::PhaseFile,
        }
    }

    /// Of a checkpoint that became true at `at`, whose word is one of its loop's.
    pub(crate) fn of_checkpoint(fact: &CheckpointReported, at: Timestamp, observed: bool) -> Self {
        let says_complete = says_complete(fact);
        let complete = fact.complete || says_complete;
        let phase = if says_complete {
            Some(vocabulary::BUILDER.to_owned())
        } else {
            fact.phase.as_deref().and_then(vocabulary::phase)
        };
        let known = phase.as_deref().is_some_and(|name| LOOP.contains(&name));
        let before = LOOP
            .into_iter()
            .take_while(|name| complete || Some(*name) != phase.as_deref());
        let began = observed.then_some(at);
        Self {
            meaning: if complete { Meaning::Completed } else { Meaning::Active },
            detail: fact.iterations.map(|iteration| format!("Iteration {iteration}")),
            done: (known || complete).then(|| before.map(str::to_owned).collect()),
            phase,
            began,
            measured: began,
            observed,
            partial: false,
            completion: complete.then_some(Completion::Marked),
            ..Self::partial(at)
        }
    }

    /// Whether a phase that failed is begun anew by this report, or called done.
    pub(crate) fn goes_back_to(&self, failed: &str) -> bool {
        let is_done = self.done.iter().flatten().any(|name| name == failed);
        let is_back = self.phase.as_deref().is_some_and(|name| {
            let is_before = vocabulary::order(name).is_some() && vocabulary::order(name) < vocabulary::order(failed);
            name == failed || is_before
        });
        is_done || is_back
    }

    fn of_summary(done: &[String], cx: &Context<'_>) -> Self {
        Self {
            done: Some(names(done)),
            ..Self::partial(cx.at)
        }
    }

    /// A report that says nothing yet, of a source that does not say everything.
    fn partial(at: Timestamp) -> Self {
        Self {
            phase: None,
            meaning: Meaning::Completed,
            word: None,
            number: (None, None),
            detail: None,
            done: None,
            at,
            began: None,
            measured: None,
            observed: false,
            partial: true,
            completion: None,
        }
    }
}

impl StoredResult {
    /// `None` for a phase that has not ended.
    fn of(result: &PhaseResult, cx: &Context<'_>) -> Option<Self> {
        let status = vocabulary::meaning(result.status.as_deref()?);
        let ended = result.ended_at.filter(|ended| *ended <= cx.received);
        let length = result
            .duration_seconds
            .filter(|seconds| (0.0..MAX_SECONDS).contains(seconds));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a year in milliseconds is well within an i64"
        )]
        let length = length.map(|seconds| (seconds * 1e3) as i64);
        status.is_end().then(|| Self {
            status: status.phase_status(),
            began: ended.zip(length).map(|(ended, length)| ended.plus_millis(-length)),
            ended,
        })
    }
}

/// Whether the checkpoint's word for its phase is `complete`.
pub(crate) fn says_complete(fact: &CheckpointReported) -> bool {
    vocabulary::names_end(fact.phase.as_deref().unwrap_or_default())
}

fn names(words: &[String]) -> Vec<String> {
    words.iter().filter_map(|word| vocabulary::phase(word)).collect()
}

/// `4/7` → `4` of 7; `?/7` → no number of 7; `4.5` → `4.5` of an unknown total.
fn split_number(written: &str) -> (Option<String>, Option<u32>) {
    let (number, total) = match written.split_once('/') {
        Some((number, total)) => (number, total.trim().parse().ok()),
        None => (written, None),
    };
    let number = number.trim();
    let known = !number.is_empty() && number != "?";
    (known.then(|| number.to_owned()), total)
}

#[cfg(test)]
mod tests {
    use super::split_number;

    #[test]
    fn a_phase_number_is_taken_as_written() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(split_number("4/7"), (some("4"), Some(7)));
        assert_eq!(split_number("?/7"), (None, Some(7)));
        assert_eq!(split_number("0/7"), (some("0"), Some(7)));
        assert_eq!(split_number("7.5/8"), (some("7.5"), Some(8)));
        assert_eq!(split_number("3"), (some("3"), None));
        assert_eq!(split_number(" / "), (None, None));
        assert_eq!(split_number("4/many"), (some("4"), None));
    }
}
