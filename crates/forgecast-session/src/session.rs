//! One session: its view and what the fold has to remember besides.

use forgecast_protocol::session::{SessionRow, SessionView};
use forgecast_protocol::{Event, SessionId, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use crate::estimate::RunRecord;
use crate::run::{Deadline, Limits};

/// The state of one session: what a snapshot in the store holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    view: SessionView,
}

impl Session {
    /// A session that nothing is known of but whose it is, first heard of at `at`.
    #[must_use]
    pub fn new(id: SessionId, subject: &Subject, _at: Timestamp) -> Self {
        let name = subject
            .name
            .clone()
            .unwrap_or_else(|| id.name().to_string());
        Self {
            view: SessionView {
                name,
                project: None,
                task: None,
                host: None,
                working_directory: subject.directory.clone(),
                source: forgecast_protocol::session::SourceOfState::default(),
                status: forgecast_protocol::SessionStatus::default(),
                status_word: None,
                status_reason: None,
                phase: None,
                phases: std::collections::BTreeMap::new(),
                progress: forgecast_protocol::session::Progress::default(),
                tests: None,
                agents: std::collections::BTreeMap::new(),
                usage: None,
                decisions: None,
                patterns: std::collections::BTreeMap::new(),
                artifacts: std::collections::BTreeMap::new(),
                estimate: None,
                links: std::collections::BTreeMap::new(),
                problems: std::collections::BTreeMap::new(),
                errors: std::collections::BTreeMap::new(),
                started_at: None,
                ended_at: None,
                last_work_at: None,
                last_seen_at: None,
                changed_at: std::collections::BTreeMap::new(),
                id,
            },
        }
    }

    /// Folds one fact into the state. Total: any event in any order leaves a valid view.
    pub fn apply(&mut self, _event: &Event) {}

    /// What viewers see.
    #[must_use]
    pub fn view(&self) -> &SessionView {
        &self.view
    }

    /// The session's row in the index.
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
            status_reason: view.status_reason.clone(),
            phase: None,
            phases: std::collections::BTreeMap::new(),
            progress_percent: None,
            tests: None,
            usage: None,
            agents_active: 0,
            problems: 0,
            started_at: view.started_at,
            ended_at: view.ended_at,
            last_work_at: view.last_work_at,
        }
    }

    /// Whether this event belongs to a new run rather than to this one.
    #[must_use]
    pub fn begins_new_run(&self, _event: &Event) -> bool {
        false
    }

    /// The next moment at which silence has a meaning, if there is one.
    #[must_use]
    pub fn next_deadline(&self, _limits: &Limits) -> Option<Deadline> {
        None
    }

    /// What the history keeps of this run, once it is over.
    #[must_use]
    pub fn record(&self) -> Option<RunRecord> {
        None
    }
}
