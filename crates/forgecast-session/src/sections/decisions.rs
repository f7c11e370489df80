//! Decisions, issues found, lessons. One per key, however often its file is read; ratings that nobody gave are absent.

use std::collections::BTreeMap;

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{ApprovalAnswered, BudgetDenied, BudgetRaised, DecisionRecorded};
use forgecast_protocol::session::{DecisionView, Decisions};
use serde::{Deserialize, Serialize};

use super::usage::denied_text;
use super::{Context, put};
use crate::vocabulary;

/// Decisions that are shown one by one, the newest.
const MAX_RECENT: usize = 50;
/// Decisions whose keys are remembered; older ones only count.
const MAX_STORED: usize = 5000;

/// The category of what budgets decided.
const BUDGET: &str = "Budget";

/// The decisions that were counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DecisionLog {
    decisions: BTreeMap<String, StoredDecision>,
    /// Decisions that were counted and are no longer kept one by one.
    decisions_before: DecisionTotals,
    next_decision: u64,
}

/// What is kept of every decision, so that reading it again adds nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredDecision {
    /// Order of arrival.
    number: u64,
    quality: Option<f64>,
    lesson_used: bool,
    /// The file that holds it.
    path: Option<String>,
}

/// Sums over decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct DecisionTotals {
    count: u32,
    rated: u32,
    /// Sum of the ratings.
    quality: f64,
    lessons: u32,
}

impl DecisionLog {
    /// Folds one decision; whether that changed anything.
    pub(crate) fn apply(&mut self, view: &mut Option<Decisions>, fact: &DecisionRecorded, cx: &Context<'_>) -> bool {
        let before = view.clone();
        let known = self.decisions.get(&fact.key);
        let is_new = known.is_none();
        let stored = StoredDecision {
            number: known.map_or(self.next_decision, |known| known.number),
            quality: rating(fact.quality),
            lesson_used: fact.lesson_used == Some(true),
            path: cx.origin.path.clone(),
        };
        self.decisions.insert(fact.key.clone(), stored);
        self.next_decision += u64::from(is_new);
        self.forget_oldest();
        let recent = &mut view.get_or_insert_with(Decisions::default).recent;
        let shown_at = recent.get(&fact.key).map(|shown| shown.at);
        if is_new || shown_at.is_some() {
            put(recent, &fact.key, view_of(fact, shown_at.unwrap_or(Some(cx.at))));
        }
        self.sum(view);
        before != *view
    }

    /// Removes the decisions that stand in a file; whether there were any.
    pub(crate) fn take_back(&mut self, view: &mut Option<Decisions>, path: &str) -> bool {
        let before = self.decisions.len();
        self.decisions.retain(|_, stored| stored.path.as_deref() != Some(path));
        if self.decisions.len() == before {
            return false;
        }
        if let Some(decisions) = view {
            decisions.recent.retain(|key, _| self.decisions.contains_key(key));
        }
        self.sum(view);
        true
    }

    /// Brings the totals and the list of the newest up to date.
    fn sum(&self, view: &mut Option<Decisions>) {
        let Some(decisions) = view else {
            return;
        };
        let number = |key: &String| self.decisions.get(key).map(|stored| stored.number);
        while decisions.recent.len() > MAX_RECENT {
            let oldest = decisions.recent.keys().min_by_key(|key| number(key)).cloned();
            oldest.map(|key| decisions.recent.remove(&key));
        }
        let mut totals = self.decisions_before;
        self.decisions.values().for_each(|stored| totals.add(stored));
        decisions.total = totals.count;
        decisions.lessons_used = totals.lessons;
        decisions.avg_quality = totals.average();
        if totals.count == 0 {
            *view = None;
        }
    }

    fn forget_oldest(&mut self) {
        while self.decisions.len() > MAX_STORED {
            let oldest = self.decisions.iter().min_by_key(|(_, stored)| stored.number);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            if let Some(stored) = self.decisions.remove(&key) {
                self.decisions_before.add(&stored);
            }
        }
    }
}

impl DecisionTotals {
    fn add(&mut self, stored: &StoredDecision) {
        self.count = self.count.saturating_add(1);
        self.lessons = self.lessons.saturating_add(u32::from(stored.lesson_used));
        if let Some(quality) = stored.quality {
            self.rated = self.rated.saturating_add(1);
            self.quality += quality;
        }
    }

    /// To two decimals, so that the order of adding cannot show.
    fn average(&self) -> Option<f64> {
        (self.rated > 0).then(|| (self.quality / f64::from(self.rated) * 100.0).round() / 100.0)
    }
}

/// That a hard budget stops the session: one decision for each budget and period, however often it refuses.
pub(crate) fn of_denial(fact: &BudgetDenied) -> DecisionRecorded {
    DecisionRecorded {
        key: format!("budget/{}/{}", fact.budget, fact.period.as_deref().unwrap_or_default()),
        title: denied_text(fact.scope).to_owned(),
        category: Some(BUDGET.to_owned()),
        ..DecisionRecorded::default()
    }
}

/// That an administrator let the session go on.
pub(crate) fn of_raise(fact: &BudgetRaised, at: Timestamp) -> DecisionRecorded {
    let title = match fact.limit_usd {
        Some(_) => "A budget was raised",
        None => "A budget was lifted",
    };
    DecisionRecorded {
        key: format!("budget/{}/{at}", fact.budget),
        title: title.to_owned(),
        category: Some(BUDGET.to_owned()),
        ..DecisionRecorded::default()
    }
}

/// That somebody allowed or denied an agent the use of a tool. Who it was is in the fact: guests see this.
pub(crate) fn of_answer(fact: &ApprovalAnswered) -> DecisionRecorded {
    let word = if fact.allowed { "Allowed once" } else { "Denied" };
    let used_on = fact.summary.as_ref().map(|summary| format!(" {summary}"));
    DecisionRecorded {
        key: format!("approval/{}", fact.request),
        title: format!("{word}: {}{}", fact.tool, used_on.unwrap_or_default()),
        category: Some("Approval".to_owned()),
        root_cause: fact.reason.clone(),
        ..DecisionRecorded::default()
    }
}

/// A rating from 1 to 5, or nothing.
fn rating(value: Option<f64>) -> Option<f64> {
    value.filter(|value| (1.0..=5.0).contains(value))
}

fn view_of(fact: &DecisionRecorded, at: Option<Timestamp>) -> DecisionView {
    let phase = |word: &Option<String>| word.as_deref().and_then(vocabulary::phase);
    DecisionView {
        title: fact.title.clone(),
        category: fact.category.clone(),
        severity: fact.severity.clone(),
        phase: phase(&fact.phase),
        should_detect_in_phase: phase(&fact.should_detect_in_phase),
        root_cause: fact.root_cause.clone(),
        solution: fact.solution.clone(),
        confidence: fact.confidence.clone(),
        quality: rating(fact.quality),
        difficulty: rating(fact.difficulty),
        lesson_used: fact.lesson_used,
        at,
    }
}
