//! One session: its view, and what the fold remembers besides. The fold itself is in `fold`, the rules of a run's life
//! in `run`, the row in `row`.

use std::collections::BTreeMap;

use forgecast_protocol::session::{Progress, SessionView, SourceOfState};
use forgecast_protocol::{SessionId, SessionStatus, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use crate::memory::Memory;

/// The state of one session: what a snapshot in the store holds, as the JSON of this type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub(crate) view: SessionView,
    pub(crate) memory: Memory,
}

impl Session {
    /// A session of which nothing is known but whose it is, first heard of at `at` (the time of its first event).
    #[must_use]
    pub fn new(id: SessionId, subject: &Subject, at: Timestamp) -> Self {
        let view = SessionView {
            name: display_name(&id, subject),
            id,
            project: None,
            task: None,
            host: None,
            working_directory: subject.directory.clone(),
            source: match subject.transcript {
                Some(_) => SourceOfState::Transcript,
                None => SourceOfState::Live,
            },
            status: SessionStatus::Running,
            status_word: None,
            status_reason: None,
            waiting_for: None,
            phase: None,
            phases: BTreeMap::new(),
            progress: Progress::default(),
            tests: None,
            agents: BTreeMap::new(),
            usage: None,
            decisions: None,
            patterns: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            estimate: None,
            links: BTreeMap::new(),
            problems: BTreeMap::new(),
            errors: BTreeMap::new(),
            started_at: None,
            ended_at: None,
            last_work_at: None,
            last_seen_at: None,
            changed_at: BTreeMap::new(),
        };
        Self {
            view,
            memory: Memory::new(at, subject.name.is_some()),
        }
    }

    /// What viewers see.
    #[must_use]
    pub fn view(&self) -> &SessionView {
        &self.view
    }
}

/// The name that a producer gave, else the folder's, else the one in the id.
fn display_name(id: &SessionId, subject: &Subject) -> String {
    let folder = subject.directory.as_deref().and_then(|path| {
        let last = path.trim_end_matches('/').rsplit('/').next()?;
        (!last.is_empty()).then(|| last.to_owned())
    });
    subject.name.clone().or(folder).unwrap_or_else(|| id.name().to_string())
}
