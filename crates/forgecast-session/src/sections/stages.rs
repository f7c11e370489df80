//! The stages of a build that reports no phases of its own but in which stage each of its agents works, as Foundry does. They
//! are shown as its phases: those of the task that it is at, since every task goes through all of them.

use std::collections::{BTreeMap, VecDeque};

use forgecast_protocol::Timestamp;
use forgecast_protocol::event::{AgentReported, SourceKind};
use forgecast_protocol::session::{CurrentPhase, PhaseStatus, PhaseView, SessionView};
use serde::{Deserialize, Serialize};

use super::{Context, count};
use crate::vocabulary;

/// The stages of a task, in order; others come behind them.
const STAGES: [&str; 6] = ["Query", "Research", "Plan", "Plan Review", "Implement", "Verify"];
/// Stages that are shown.
const MAX_STAGES: usize = 20;
/// Beginnings of stages that are remembered, the newest.
const MAX_BEGUN: usize = 512;

/// When which stage began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stages {
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    stages_begun: VecDeque<(Timestamp, String)>,
    /// When the producer told of its tasks and agents last.
    #[serde(skip_serializing_if = "Option::is_none")]
    stages_told_at: Option<Timestamp>,
}

impl Stages {
    /// When the producer told of its tasks and agents last, by its own clock.
    pub(crate) fn told_at(&self) -> Option<Timestamp> {
        self.stages_told_at
    }

    /// Whether the phases that are shown are stages.
    pub(crate) fn are_known(&self) -> bool {
        !self.stages_begun.is_empty()
    }

    /// The stage at a time: the last that had begun by then.
    pub(crate) fn at(&self, at: Timestamp) -> Option<&str> {
        let begun = self.stages_begun.iter().filter(|(began, _)| *began <= at);
        begun.max_by_key(|(began, _)| *began).map(|(_, stage)| stage.as_str())
    }

    /// An agent began its stage or ended it. `task` is what it works on.
    pub(crate) fn follow(
        &mut self,
        view: &mut SessionView,
        fact: &AgentReported,
        task: Option<String>,
        cx: &Context<'_>,
    ) {
        let of_producer = cx.origin.kind == SourceKind::Foundry && cx.transcript.is_none();
        let (Some(stage), Some(word), true) = (&fact.phase, &fact.status, of_producer) else {
            return;
        };
        self.stages_told_at = self.stages_told_at.max(Some(cx.said_at));
        if view.phases.is_empty() {
            let pending = STAGES
                .into_iter()
                .zip(0..)
                .map(|(name, order)| (name.to_owned(), pending(order)));
            view.phases.extend(pending);
        }
        if view.phases.len() >= MAX_STAGES && !view.phases.contains_key(stage) {
            return;
        }
        let behind = count(view.phases.len());
        let phase = view.phases.entry(stage.clone()).or_insert_with(|| pending(behind));
        let is_active = phase.status == PhaseStatus::Active;
        let meaning = vocabulary::meaning(word);
        if meaning.is_end() && is_active {
            phase.status = meaning.phase_status();
            phase.ended_at = Some(cx.at);
        } else if vocabulary::is_at_work(word) && !is_active {
            let attempts = phase.attempts.saturating_add(1);
            *phase = PhaseView {
                order: phase.order,
                status: PhaseStatus::Active,
                started_at: Some(cx.at),
                ended_at: None,
                attempts,
            };
            pass_over(&mut view.phases, stage);
            view.phase = Some(CurrentPhase {
                name: stage.clone(),
                number: None,
                total: None,
                detail: task,
                started_at: Some(cx.at),
            });
            self.stages_begun.push_back((cx.said_at, stage.clone()));
            while self.stages_begun.len() > MAX_BEGUN {
                self.stages_begun.pop_front();
            }
        }
    }

    /// A task begins, and with it its stages.
    pub(crate) fn begin_task(&mut self, view: &mut SessionView, cx: &Context<'_>) {
        self.stages_told_at = self.stages_told_at.max(Some(cx.said_at));
        if self.are_known() {
            view.phases.values_mut().for_each(|phase| *phase = pending(phase.order));
        }
    }
}

fn pending(order: u32) -> PhaseView {
    PhaseView {
        order,
        ..PhaseView::default()
    }
}

/// Stages before this one that did not begin are left out.
fn pass_over(phases: &mut BTreeMap<String, PhaseView>, stage: &str) {
    let here = phases.get(stage).map(|phase| phase.order);
    let before = phases.values_mut().filter(|phase| Some(phase.order) < here);
    for phase in before.filter(|phase| phase.status == PhaseStatus::Pending) {
        phase.status = PhaseStatus::Skipped;
    }
}
