//! Results of the tests: of each round, and of the build as a whole. What nobody states stays absent; a weaker source
//! never replaces the numbers of a stronger one, whichever comes first.

use forgecast_protocol::Event;
use forgecast_protocol::event::TestsReported;
use forgecast_protocol::session::{TestIteration, TestSummary, Tests};

use super::effect::{Effect, Section, set_some};
use crate::Session;
use crate::memory::{KeptResult, RoundSource};

/// Rounds that are kept, the latest ones.
const MAX_ROUNDS: usize = 200;

impl Session {
    pub(crate) fn fold_tests(&mut self, event: &Event, fact: &TestsReported) -> Effect {
        let (counts, taken_back) = self.counts(event, None);
        if !counts {
            return taken_back;
        }
        let before = self.view.tests.clone();
        let path = event.origin.path.clone();
        match fact.iteration {
            Some(round) => self.fold_round(event, fact, round, path),
            None => {
                let result = TestSummary {
                    total: fact.total,
                    passed: fact.passed,
                    failed: fact.failed,
                    source: fact.basis,
                };
                // A verdict without a number is not a result that could be shown as one.
                if numbers(fact) {
                    let kept = KeptResult { result, path };
                    self.memory.test_results.insert(fact.basis, kept);
                }
            }
        }
        self.show_strongest();
        Effect::of(Section::Tests, before != self.view.tests).with(taken_back)
    }

    fn fold_round(&mut self, event: &Event, fact: &TestsReported, round: u32, path: Option<String>) {
        let at = self.time_of(event);
        let tests = self.view.tests.get_or_insert_with(Tests::default);
        tests.iteration = tests.iteration.max(Some(round));
        let source = self.memory.test_rounds.get(&round);
        let weaker = source.is_some_and(|source| source.basis > fact.basis);
        let known = tests.iterations.entry(round).or_default();
        let mut said = known.clone();
        if !weaker {
            set_some(&mut said.run, fact.total.as_ref());
            set_some(&mut said.passed, fact.passed.as_ref());
            set_some(&mut said.failed, fact.failed.as_ref());
            set_some(&mut said.verdict, fact.verdict.as_ref());
        }
        if said != *known {
            said.at = Some(at);
            *known = said;
        }
        if !weaker && (source.is_none() || numbers(fact) || fact.verdict.is_some()) {
            let basis = fact.basis;
            self.memory.test_rounds.insert(round, RoundSource { basis, path });
        }
        while tests.iterations.len() > MAX_ROUNDS {
            if let Some((oldest, _)) = tests.iterations.pop_first() {
                self.memory.test_rounds.remove(&oldest);
            }
        }
    }

    fn show_strongest(&mut self) {
        let strongest = self.memory.test_results.last_key_value();
        let summary = strongest.map(|(_, kept)| kept.result.clone());
        if summary.is_some() || self.view.tests.is_some() {
            let tests = self.view.tests.get_or_insert_with(Tests::default);
            tests.summary = summary;
        }
    }

    /// Removes the results that stand in a file; whether there were any.
    pub(crate) fn take_back_tests(&mut self, path: &str) -> bool {
        let before = self.view.tests.clone();
        let of_file = |kept: &Option<String>| kept.as_deref() == Some(path);
        self.memory.test_results.retain(|_, kept| !of_file(&kept.path));
        let iterations = self.view.tests.as_mut().map(|tests| &mut tests.iterations);
        if let Some(iterations) = iterations {
            let rounds = &self.memory.test_rounds;
            iterations.retain(|round, _| rounds.get(round).is_none_or(|it| !of_file(&it.path)));
        }
        self.memory.test_rounds.retain(|_, source| !of_file(&source.path));
        self.show_strongest();
        let said = self.memory.live.as_ref().and_then(|live| live.fact.test_iteration);
        if let Some(tests) = &mut self.view.tests
            && before.as_ref() != Some(tests)
        {
            let last = tests.iterations.keys().next_back().copied();
            tests.iteration = last.max(said);
        }
        if self.view.tests == Some(Tests::default()) {
            self.view.tests = None;
        }
        before != self.view.tests
    }
}

fn numbers(fact: &TestsReported) -> bool {
    fact.total.is_some() || fact.passed.is_some() || fact.failed.is_some()
}

/// The numbers that stand for the build: the result as a whole, else the latest round that states any.
pub(crate) fn headline(tests: &Tests) -> (Option<u32>, Option<u32>) {
    let whole = tests.summary.as_ref().map(|result| (result.passed, result.failed));
    let stated = |round: &&TestIteration| round.passed.is_some() || round.failed.is_some();
    let round = tests.iterations.values().rev().find(stated);
    whole
        .or_else(|| round.map(|round| (round.passed, round.failed)))
        .unwrap_or_default()
}
