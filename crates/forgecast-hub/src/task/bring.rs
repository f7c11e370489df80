//! A place among the sessions for one that was exported elsewhere, and its arrival there.

use forgecast_protocol::{SessionId, SessionRef, Subject};
use forgecast_store::StoredSession;

use super::Task;
use crate::brought::{Arrived, Place};
use crate::registry::Span;

impl Task {
    /// Where a session may go. The place is taken until [`Task::arrived`]; facts never go there meanwhile.
    pub(super) fn place(&mut self, mut session: StoredSession) -> Place {
        let name = session.id.name().clone();
        let newest = self.shared.registry().find(&SessionRef::Newest(name.clone()));
        // Kept from now on for as long as any other, however old it is.
        session.created_at = self.shared.clock.now();
        let mut registry = self.shared.registry_mut();
        if registry.is_full() {
            return Place::Full;
        }
        if registry.has(&session.id) {
            let Ok(next) = registry.new_run(&session.id, session.created_at) else {
                return Place::Full;
            };
            session.id = next.id;
        }
        // A folder that has a session of another name here keeps it as the one that its files speak of.
        let in_folder = Subject {
            directory: session.directory.clone(),
            ..Subject::default()
        };
        let current = registry.peek(&in_folder, Span::at(session.created_at));
        let is_of_another = current.is_some_and(|current| current.name() != session.id.name());
        let other = newest.as_ref().and_then(|newest| registry.directory(newest));
        if is_of_another || (newest.is_some() && other != session.directory.as_deref()) {
            session.directory = None;
        }
        registry.restore(&session, None, &self.shared.options.limits);
        Place::Free(session)
    }

    /// The session is stored, or it could not be.
    pub(super) fn arrived(&mut self, id: &SessionId, arrived: Option<Arrived>) {
        let Some(arrived) = arrived else {
            self.shared.registry_mut().remove(id);
            return;
        };
        let limits = &self.shared.options.limits;
        let due = super::upkeep::look_again_at(&arrived.row, limits);
        self.shared
            .registry_mut()
            .restore(&arrived.session, Some(&arrived.row), limits);
        self.next_lines.insert(id.clone(), arrived.next_line);
        self.set_row(&arrived.row);
        self.deadlines.set(id, due);
        self.index_changed();
    }
}
