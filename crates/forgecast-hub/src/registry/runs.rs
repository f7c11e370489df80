//! What is known of single runs: whether they are over and when they were at work. From the store at start, from their
//! rows ever after.

use forgecast_protocol::{SessionId, SessionRow};
use forgecast_session::Limits;
use forgecast_store::StoredSession;

use super::lines::Run;
use super::{Registry, Span};

impl Registry {
    /// Takes in a session that the store knows. Oldest first, so that the newest of a folder becomes its current one.
    pub(crate) fn restore(&mut self, session: &StoredSession, row: Option<&SessionRow>, limits: &Limits) {
        let slug = session.id.name().clone();
        let run = session.id.run();
        let own = self.transcripts.knows(&slug);
        let line = self.line(&slug);
        line.own = own;
        let state = Run {
            over: false,
            created_at: session.created_at,
            span: Span::at(session.created_at),
        };
        let is_new = line.runs.insert(run, state).is_none();
        if run >= line.newest {
            line.newest = run;
            line.name.clone_from(&session.name);
            line.named = session.named;
            if session.directory.is_some() {
                line.directory.clone_from(&session.directory);
            }
        }
        self.sessions += usize::from(is_new);
        match &session.directory {
            Some(directory) if own => self.transcripts.add_own(directory, &slug),
            Some(directory) => self.join_folder(directory, &slug),
            None => {}
        }
        if let Some(row) = row {
            self.set_state(row, limits);
        }
    }

    /// Takes from a session's row whether it is over and when it was at work.
    pub(crate) fn set_state(&mut self, row: &SessionRow, limits: &Limits) {
        let own = self.is_own(&row.id);
        if let Some(run) = self.run_mut(&row.id) {
            run.over = row.status.is_final();
            run.span = Span::of_row(row, run.created_at, own, limits);
        }
    }

    /// When a session was at work.
    pub(super) fn span(&self, id: &SessionId) -> Option<Span> {
        Some(self.lines.get(id.name())?.runs.get(&id.run())?.span)
    }

    /// Whether there is this very run.
    pub(crate) fn has(&self, id: &SessionId) -> bool {
        let line = self.lines.get(id.name());
        line.is_some_and(|line| line.runs.contains_key(&id.run()))
    }

    pub(super) fn run_mut(&mut self, id: &SessionId) -> Option<&mut Run> {
        self.lines.get_mut(id.name())?.runs.get_mut(&id.run())
    }
}
