//! Results of the tests: of each run of the test loop, and of the build as a whole. What nobody states stays absent; a
//! weaker source never replaces the numbers of a stronger one, whichever comes first.

use std::collections::BTreeMap;

use forgecast_protocol::event::{TestBasis, TestsReported};
use forgecast_protocol::session::{TestIteration, TestSummary, Tests};
use serde::{Deserialize, Serialize};

use super::{Context, set_some};

/// Test runs that are kept, the latest ones.
const MAX_RUNS: usize = 200;

/// Where the results of the tests come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TestLoop {
    /// Results of the build as a whole, the strongest source last.
    test_results: BTreeMap<TestBasis, StoredResult>,
    /// Where the numbers of each run come from.
    test_rounds: BTreeMap<u32, RunSource>,
    /// The run that has no numbers of its own and shows those of the summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_of_summary: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredResult {
    result: TestSummary,
    /// The file that states it.
    path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RunSource {
    basis: TestBasis,
    /// The file that states it.
    path: Option<String>,
}

impl TestLoop {
    /// Folds a result; whether that changed anything.
    pub(crate) fn apply(&mut self, view: &mut Option<Tests>, fact: &TestsReported, cx: &Context<'_>) -> bool {
        let before = view.clone();
        self.forget_run_of_summary(view);
        if let Some(run) = fact.iteration {
            self.apply_run(view.get_or_insert_with(Tests::default), fact, run, cx);
        } else if states_numbers(fact) {
            // A verdict without a number is not a result that could be shown as one.
            let result = TestSummary {
                total: fact.total,
                passed: fact.passed,
                failed: fact.failed,
                source: fact.basis,
            };
            let path = cx.origin.path.clone();
            self.test_results.insert(fact.basis, StoredResult { result, path });
        }
        self.show_strongest(view);
        self.show_run_of_summary(view);
        before != *view
    }

    /// Takes the run that the phase file names; whether that changed anything.
    pub(crate) fn report_run(&mut self, view: &mut Option<Tests>, run: Option<u32>) -> bool {
        if run.is_none() {
            return false;
        }
        let before = view.clone();
        self.forget_run_of_summary(view);
        let tests = view.get_or_insert_with(Tests::default);
        tests.iteration = tests.iteration.max(run);
        self.show_run_of_summary(view);
        before != *view
    }

    fn apply_run(&mut self, tests: &mut Tests, fact: &TestsReported, run: u32, cx: &Context<'_>) {
        tests.iteration = tests.iteration.max(Some(run));
        let source = self.test_rounds.get(&run);
        let is_weaker = source.is_some_and(|source| source.basis > fact.basis);
        let known = tests.iterations.entry(run).or_default();
        let mut stated = known.clone();
        if !is_weaker {
            set_some(&mut stated.run, fact.total.as_ref());
            set_some(&mut stated.passed, fact.passed.as_ref());
            set_some(&mut stated.failed, fact.failed.as_ref());
            set_some(&mut stated.verdict, fact.verdict.as_ref());
        }
        if stated != *known {
            stated.at = Some(cx.at);
            *known = stated;
        }
        if !is_weaker && (source.is_none() || states_numbers(fact) || fact.verdict.is_some()) {
            let (basis, path) = (fact.basis, cx.origin.path.clone());
            self.test_rounds.insert(run, RunSource { basis, path });
        }
        while tests.iterations.len() > MAX_RUNS {
            if let Some((oldest, _)) = tests.iterations.pop_first() {
                self.test_rounds.remove(&oldest);
            }
        }
    }

    fn show_strongest(&self, view: &mut Option<Tests>) {
        let strongest = self.test_results.last_key_value();
        let summary = strongest.map(|(_, stored)| stored.result.clone());
        if summary.is_some() || view.is_some() {
            view.get_or_insert_with(Tests::default).summary = summary;
        }
    }

    /// The last run, if nobody states its result, has that of the summary: it led to the end of the build.
    fn show_run_of_summary(&mut self, view: &mut Option<Tests>) {
        let Some(tests) = view else { return };
        let of_summary = |result: &&TestSummary| result.source == TestBasis::Summary;
        let (Some(last), Some(result)) = (tests.iteration, tests.summary.as_ref().filter(of_summary)) else {
            return;
        };
        let run = tests.iterations.entry(last).or_default();
        let is_empty = run.run.is_none() && run.passed.is_none() && run.failed.is_none() && run.verdict.is_none();
        if is_empty {
            run.run = result.total;
            run.passed = result.passed;
            run.failed = result.failed;
            self.run_of_summary = Some(last);
        }
    }

    fn forget_run_of_summary(&mut self, view: &mut Option<Tests>) {
        let (Some(number), Some(tests)) = (self.run_of_summary.take(), view) else {
            return;
        };
        if !self.test_rounds.contains_key(&number) {
            tests.iterations.remove(&number);
        } else if let Some(run) = tests.iterations.get_mut(&number) {
            *run = TestIteration {
                at: run.at,
                ..TestIteration::default()
            };
        }
    }

    /// Removes the results that stand in a file; whether there were any. `reported_run` is the run that the phase file
    /// names.
    pub(crate) fn take_back(&mut self, view: &mut Option<Tests>, path: &str, reported_run: Option<u32>) -> bool {
        let before = view.clone();
        self.forget_run_of_summary(view);
        let is_from_file = |origin: &Option<String>| origin.as_deref() == Some(path);
        self.test_results.retain(|_, stored| !is_from_file(&stored.path));
        if let Some(tests) = view {
            let sources = &self.test_rounds;
            tests
                .iterations
                .retain(|run, _| sources.get(run).is_none_or(|source| !is_from_file(&source.path)));
        }
        self.test_rounds.retain(|_, source| !is_from_file(&source.path));
        self.show_strongest(view);
        if let Some(tests) = view
            && before.as_ref() != Some(tests)
        {
            let last = tests.iterations.keys().next_back().copied();
            tests.iteration = last.max(reported_run);
        }
        if *view == Some(Tests::default()) {
            *view = None;
        }
        self.show_run_of_summary(view);
        before != *view
    }
}

fn states_numbers(fact: &TestsReported) -> bool {
    fact.total.is_some() || fact.passed.is_some() || fact.failed.is_some()
}

/// The numbers that stand for the build, passed and failed: the result as a whole, else the latest run that states any.
pub(crate) fn headline(tests: &Tests) -> (Option<u32>, Option<u32>) {
    let whole = tests.summary.as_ref().map(|result| (result.passed, result.failed));
    let stated = |run: &&TestIteration| run.passed.is_some() || run.failed.is_some();
    let latest = tests.iterations.values().rev().find(stated);
    whole
        .or_else(|| latest.map(|run| (run.passed, run.failed)))
        .unwrap_or_default()
}
