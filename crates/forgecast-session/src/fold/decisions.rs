//! Decisions, issues found, lessons. One per key, however often its file is read; ratings that nobody gave are absent.

use forgecast_protocol::Event;
use forgecast_protocol::event::DecisionRecorded;
use forgecast_protocol::session::{DecisionView, Decisions};

use super::effect::{Effect, Section, put, rating, set_some};
use crate::Session;
use crate::memory::{DecisionTotals, KeptDecision};
use crate::vocabulary;

/// Decisions that are shown one by one, the newest.
const MAX_RECENT: usize = 50;
/// Decisions whose keys are remembered; older ones only count.
const MAX_KEPT: usize = 5000;

impl Session {
    pub(crate) fn fold_decision(&mut self, event: &Event, fact: &DecisionRecorded) -> Effect {
        let (counts, taken_back) = self.counts(event, None);
        if !counts {
            return taken_back;
        }
        let at = self.time_of(event);
        let known = self.memory.decisions.get(&fact.key);
        let number = known.map_or(self.memory.next_decision, |known| known.number);
        let is_new = known.is_none();
        let kept = KeptDecision {
            number,
            quality: rating(fact.quality),
            lesson_used: fact.lesson_used == Some(true),
            path: event.origin.path.clone(),
        };
        self.memory.decisions.insert(fact.key.clone(), kept);
        self.memory.next_decision += u64::from(is_new);
        self.forget_old_decisions();
        let before = self.view.decisions.clone();
        let recent = &mut self.view.decisions.get_or_insert_with(Decisions::default).recent;
        if let Some(shown) = recent.get(&fact.key) {
            let view = view_of(fact, shown.at);
            put(recent, &fact.key, view);
        } else if is_new {
            put(recent, &fact.key, view_of(fact, Some(at)));
        }
        self.sum_decisions();
        Effect::of(Section::Decisions, before != self.view.decisions).with(taken_back)
    }

    /// Brings totals and the newest up to date.
    fn sum_decisions(&mut self) {
        let Some(decisions) = &mut self.view.decisions else {
            return;
        };
        let kept = &self.memory.decisions;
        let number = |key: &String| kept.get(key).map(|kept| kept.number);
        while decisions.recent.len() > MAX_RECENT {
            let oldest = decisions.recent.keys().min_by_key(|key| number(key)).cloned();
            oldest.map(|key| decisions.recent.remove(&key));
        }
        let mut totals = self.memory.decisions_before;
        kept.values().for_each(|kept| totals.add(kept));
        decisions.total = totals.count;
        decisions.lessons_used = totals.lessons;
        decisions.avg_quality = totals.average();
        if totals.count == 0 {
            self.view.decisions = None;
        }
    }

    fn forget_old_decisions(&mut self) {
        while self.memory.decisions.len() > MAX_KEPT {
            let decisions = &mut self.memory.decisions;
            let oldest = decisions.iter().min_by_key(|(_, kept)| kept.number);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            if let Some(kept) = decisions.remove(&key) {
                self.memory.decisions_before.add(&kept);
            }
        }
    }

    /// Removes the decisions that stand in a file; whether there were any.
    pub(crate) fn take_back_decisions(&mut self, path: &str) -> bool {
        let before = self.memory.decisions.len();
        self.memory
            .decisions
            .retain(|_, kept| kept.path.as_deref() != Some(path));
        if self.memory.decisions.len() == before {
            return false;
        }
        if let Some(decisions) = &mut self.view.decisions {
            let kept = &self.memory.decisions;
            decisions.recent.retain(|key, _| kept.contains_key(key));
        }
        self.sum_decisions();
        true
    }
}

impl DecisionTotals {
    fn add(&mut self, kept: &KeptDecision) {
        self.count = self.count.saturating_add(1);
        self.lessons = self.lessons.saturating_add(u32::from(kept.lesson_used));
        if let Some(quality) = kept.quality {
            self.rated = self.rated.saturating_add(1);
            self.quality += quality;
        }
    }

    /// To two decimals, so that the order of adding cannot show.
    fn average(&self) -> Option<f64> {
        (self.rated > 0).then(|| (self.quality / f64::from(self.rated) * 100.0).round() / 100.0)
    }
}

fn view_of(fact: &DecisionRecorded, at: Option<forgecast_protocol::Timestamp>) -> DecisionView {
    let phase = |word: &Option<String>| word.as_deref().and_then(vocabulary::phase);
    let mut view = DecisionView {
        title: fact.title.clone(),
        phase: phase(&fact.phase),
        should_detect_in_phase: phase(&fact.should_detect_in_phase),
        quality: rating(fact.quality),
        difficulty: rating(fact.difficulty),
        lesson_used: fact.lesson_used,
        at,
        ..DecisionView::default()
    };
    set_some(&mut view.category, fact.category.as_ref());
    set_some(&mut view.severity, fact.severity.as_ref());
    set_some(&mut view.root_cause, fact.root_cause.as_ref());
    set_some(&mut view.solution, fact.solution.as_ref());
    set_some(&mut view.confidence, fact.confidence.as_ref());
    view
}
