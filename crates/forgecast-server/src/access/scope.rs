//! Tokens that show a part: the sessions of one project, or numbers without words. What such a token receives is built anew
//! from what is known to be allowed, so that a field that is added later is not part of it until somebody decides that it is.

use std::collections::BTreeMap;

use forgecast_hub::{Frame, FrameKind, Hub, patch};
use forgecast_protocol::report::UsageReport;
use forgecast_protocol::rest::{SessionsQuery, Sort, StatsQuery};
use forgecast_protocol::session::{CurrentPhase, Progress, RowActivity, RowPhase, SessionRow, Usage};
use forgecast_protocol::update::Index;
use forgecast_protocol::{SessionRef, SessionView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Principal;

/// To what a token for watching is restricted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenScope {
    /// Only sessions of this project; of a session without one its name counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Only numbers, times and states: no prompts, titles, paths, logs, facts or files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub numbers_only: bool,
}

impl TokenScope {
    /// Whether it restricts anything.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        *self != Self::default()
    }

    /// Whether a session belongs to it, named as in a path.
    pub(crate) async fn includes(&self, hub: &Hub, session: &str) -> bool {
        if self.project.is_none() {
            return true;
        }
        let Ok(session) = session.parse::<SessionRef>() else {
            return false;
        };
        match hub.view(&session).await {
            Ok(Some(state)) => serde_json::from_slice(&state.json).is_ok_and(|view| self.includes_view(&view)),
            _ => false,
        }
    }

    fn includes_view(&self, view: &SessionView) -> bool {
        self.includes_named(view.project.as_deref(), &view.name)
    }

    fn includes_named(&self, project: Option<&str>, name: &str) -> bool {
        self.project.as_deref().is_none_or(|own| project.unwrap_or(name) == own)
    }

    /// Restricts a question about sessions to it. What is found by its words says something about them, and the cursor of a
    /// page holds what its last row is sorted by.
    pub(crate) fn ask_for_rows(&self, query: &mut SessionsQuery) {
        if self.project.is_some() {
            query.project.clone_from(&self.project);
        }
        if self.numbers_only {
            query.q = None;
            if query.sort == Sort::Name {
                query.sort = Sort::default();
            }
        }
    }

    /// The rows of these that belong to it, as it shows them.
    pub(crate) fn rows(&self, rows: &mut Vec<SessionRow>) {
        rows.retain(|row| self.includes_named(row.project.as_deref(), &row.name));
        if self.numbers_only {
            rows.iter_mut().for_each(|row| *row = numbers_of_row(row));
        }
    }

    /// A view as it shows it.
    pub(crate) fn view(&self, view: SessionView) -> SessionView {
        if self.numbers_only { numbers_of_view(view) } else { view }
    }

    /// Restricts a question about usage to it.
    pub(crate) fn ask(&self, query: &mut StatsQuery) {
        if self.project.is_some() {
            query.project.clone_from(&self.project);
        }
    }

    /// A report as it shows it. The burn rate and the budgets are those of all sessions together.
    pub(crate) fn report(&self, report: &mut UsageReport) {
        if self.project.is_some() {
            report.burn = None;
            report.budgets.clear();
        }
        if self.numbers_only {
            report.rows.iter_mut().for_each(|row| row.title = None);
        }
    }

    /// What it shows of a topic's state; nothing when the session is not part of it.
    fn visible(&self, topic: &str, state: &Value) -> Option<Value> {
        if topic == "sessions" {
            let mut index: Index = read(state)?;
            index
                .sessions
                .retain(|_, row| self.includes_named(row.project.as_deref(), &row.name));
            if self.numbers_only {
                index.sessions.values_mut().for_each(|row| *row = numbers_of_row(row));
            }
            // Of the server as a whole it is told nothing.
            let index = Index {
                total: index.sessions.len() as u64,
                sessions: index.sessions,
                ..Index::default()
            };
            return serde_json::to_value(index).ok();
        }
        let view: SessionView = read(state)?;
        let view = self.includes_view(&view).then(|| self.view(view))?;
        serde_json::to_value(view).ok()
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// What a viewer with a restricted token follows: the whole state of each topic, and what it holds of it. Patches are the
/// differences of the latter.
#[derive(Debug, Default)]
pub(crate) struct ScopedTopics(BTreeMap<String, Followed>);

#[derive(Debug)]
struct Followed {
    whole: Value,
    visible: Value,
}

impl ScopedTopics {
    /// Whether this principal receives a message of a topic that it follows; the message is changed to the one it receives.
    pub(crate) fn receives(&mut self, principal: &Principal, frame: &mut Frame) -> bool {
        let Principal::Scoped(scope, _) = principal else {
            return principal.receives(frame);
        };
        match frame.kind {
            FrameKind::Removed => true,
            FrameKind::Log => !scope.numbers_only,
            // Words of a producer, and limits of more than one session.
            FrameKind::Event => false,
            FrameKind::Snapshot | FrameKind::Patch => match self.changed(scope, frame) {
                Some(json) => {
                    frame.json = json.into();
                    true
                }
                None => false,
            },
        }
    }

    /// The message as it is received. `None` where it cannot be worked out: rather nothing than too much.
    fn changed(&mut self, scope: &TokenScope, frame: &Frame) -> Option<String> {
        let mut message: Value = serde_json::from_slice(&frame.json).ok()?;
        let topic = message["topic"].as_str()?.to_owned();
        if frame.kind == FrameKind::Snapshot {
            let whole = message["state"].take();
            let visible = scope.visible(&topic, &whole)?;
            message["state"] = visible.clone();
            self.0.insert(topic, Followed { whole, visible });
        } else {
            let followed = self.0.get_mut(&topic)?;
            patch::merge(&mut followed.whole, &message["patch"]);
            let visible = scope.visible(&topic, &followed.whole)?;
            // Also when nothing of it is visible: the next patch follows this one's revision.
            message["patch"] = patch::diff(&followed.visible, &visible).unwrap_or_else(|| json!({}));
            followed.visible = visible;
        }
        Some(message.to_string())
    }
}

fn numbers_of_row(row: &SessionRow) -> SessionRow {
    SessionRow {
        id: row.id.clone(),
        name: row.id.to_string(),
        project: row.project.clone(),
        task: None,
        host: None,
        source: row.source,
        status: row.status,
        attention: row.attention.clone().map(|mut attention| {
            attention.text.clear();
            attention
        }),
        activity: row.activity.as_deref().map(|activity| {
            Box::new(RowActivity {
                text: String::new(),
                ..activity.clone()
            })
        }),
        status_reason: None,
        waiting_for: row.waiting_for,
        stopped_by_error: row.stopped_by_error,
        phase: row.phase.clone().map(|phase| RowPhase { number: None, ..phase }),
        phases: row.phases.clone(),
        progress_percent: row.progress_percent,
        tasks: row.tasks.clone(),
        iteration: row.iteration,
        tests: row.tests.clone(),
        usage: row.usage.clone(),
        agents_active: row.agents_active,
        problems: row.problems,
        started_at: row.started_at,
        ended_at: row.ended_at,
        last_work_at: row.last_work_at,
    }
}

fn numbers_of_view(view: SessionView) -> SessionView {
    let name = view.id.to_string();
    SessionView {
        project: view.project,
        source: view.source,
        status: view.status,
        status_source: view.status_source,
        attended: view.attended,
        waiting_for: view.waiting_for,
        phase: view.phase.map(|phase| CurrentPhase {
            name: phase.name,
            total: phase.total,
            started_at: phase.started_at,
            ..CurrentPhase::default()
        }),
        phases: view.phases,
        progress: Progress {
            percent: view.progress.percent,
            tasks_completed: view.progress.tasks_completed,
            tasks_total: view.progress.tasks_total,
            rounds: view.progress.rounds,
            ..Progress::default()
        },
        tests: view.tests,
        usage: view.usage.map(numbers_of_usage),
        estimate: view.estimate,
        started_at: view.started_at,
        ended_at: view.ended_at,
        last_work_at: view.last_work_at,
        last_seen_at: view.last_seen_at,
        changed_at: view.changed_at,
        ..SessionView::new(view.id, name)
    }
}

fn numbers_of_usage(usage: Usage) -> Usage {
    Usage {
        tokens: usage.tokens,
        cost_usd: usage.cost_usd,
        priced: usage.priced,
        calls: usage.calls,
        unpriced_calls: usage.unpriced_calls,
        disputed_calls: usage.disputed_calls,
        by_model: usage.by_model,
        by_phase: usage.by_phase,
        by_source: usage.by_source,
        agent_total: usage.agent_total,
        recent: usage.recent,
        context: usage.context,
        budget: usage.budget,
        denied: usage.denied,
        provenance: usage.provenance,
        // Agents are named by their producers.
        by_agent: BTreeMap::new(),
    }
}
