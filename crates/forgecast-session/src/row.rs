//! A session's row in the index: the view in brief.

use forgecast_protocol::session::{RowPhase, RowTasks, RowTests, RowUsage, SessionRow};

use crate::Session;
use crate::sections::test_loop::headline;
use crate::sections::{agents, count};

impl Session {
    /// The session's row in the index. Like the view it changes only when a fact did.
    #[must_use]
    pub fn row(&self) -> SessionRow {
        let view = &self.view;
        SessionRow {
            id: view.id.clone(),
            name: view.name.clone(),
            project: view.project.clone(),
            task: view.task.clone(),
            host: view.host.clone(),
            source: view.source,
            status: view.status,
            attention: self.state.attention.current().cloned(),
            activity: self.state.activity.current(view, self.state.agents.subagents_at_work()),
            status_reason: view.status_reason.clone(),
            waiting_for: view.waiting_for,
            stopped_by_error: self.state.attention.is_stopped_by_error(),
            phase: view.phase.as_ref().map(|phase| RowPhase {
                name: phase.name.clone(),
                number: phase.number.clone(),
                total: phase.total,
            }),
            phases: view
                .phases
                .iter()
                .map(|(name, phase)| (name.clone(), phase.status))
                .collect(),
            progress_percent: view.progress.percent,
            tasks: view.progress.tasks_total.map(|total| RowTasks {
                completed: view.progress.tasks_completed.unwrap_or_default(),
                total,
            }),
            iteration: view
                .tests
                .as_ref()
                .and_then(|tests| tests.iteration)
                .or(view.progress.rounds),
            tests: view.tests.as_ref().and_then(|tests| {
                let (passed, failed) = headline(tests);
                let stated = passed.is_some() || failed.is_some();
                stated.then_some(RowTests { passed, failed })
            }),
            usage: view
                .usage
                .as_ref()
                .filter(|usage| usage.tokens.total() > 0 || usage.cost_usd.is_some())
                .map(|usage| RowUsage {
                    tokens: usage.tokens.total(),
                    cost_usd: usage.cost_usd,
                    agent_total_usd: usage.agent_total.as_ref().and_then(|total| total.cost_usd),
                    unpriced: !usage.priced && usage.tokens.total() > 0,
                }),
            agents_active: agents::active(&view.agents),
            problems: count(view.problems.len()),
            started_at: view.started_at,
            ended_at: view.ended_at,
            last_work_at: view.last_work_at,
        }
    }
}
