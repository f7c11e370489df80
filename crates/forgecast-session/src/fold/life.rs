//! Silence, errors, problems and lost sources: what a session's life consists of besides its phases.

use forgecast_protocol::Event;
use forgecast_protocol::SessionStatus;
use forgecast_protocol::event::{ErrorReported, ProblemCleared, ProblemFound, Quiet, WentQuiet};
use forgecast_protocol::session::ErrorView;

use super::effect::{Effect, put};
use crate::Session;
use crate::memory::End;

/// Errors that are shown, the newest.
const MAX_ERRORS: usize = 20;
/// Problems that are shown.
const MAX_PROBLEMS: usize = 100;
/// Lost sources that are remembered.
const MAX_GONE: usize = 64;
/// Words for a producer's own events that say only that it is alive.
const HEARTBEATS: [&str; 4] = ["heartbeat", "ping", "keepalive", "alive"];

impl Session {
    pub(crate) fn fold_error(&mut self, event: &Event, fact: &ErrorReported) -> Effect {
        let error = ErrorView {
            message: fact.message.clone(),
            details: fact.details.clone(),
            at: self.time_of(event),
        };
        let number = self.memory.next_error;
        self.memory.next_error = number.saturating_add(1);
        let errors = &mut self.view.errors;
        put(errors, &number.to_string(), error);
        while errors.len() > MAX_ERRORS {
            let numbered = |key: &&String| key.parse::<u64>().unwrap_or(0);
            let oldest = errors.keys().min_by_key(numbered).cloned();
            oldest.map(|key| errors.remove(&key));
        }
        Effect::work()
    }

    pub(crate) fn fold_problem(&mut self, fact: &ProblemFound) -> Effect {
        let problems = &mut self.view.problems;
        if problems.len() < MAX_PROBLEMS || problems.contains_key(&fact.key) {
            put(problems, &fact.key, fact.problem.clone());
        }
        Effect::none()
    }

    pub(crate) fn fold_problem_cleared(&mut self, fact: &ProblemCleared) -> Effect {
        let is_part = |key: &str| key.strip_prefix(&fact.key).is_some_and(|rest| rest.starts_with('#'));
        let problems = &mut self.view.problems;
        problems.retain(|key, _| *key != fact.key && !(fact.with_parts && is_part(key)));
        Effect::none()
    }

    /// A deadline counts only if there was no work since it was set: work may have come while the fact was under way.
    pub(crate) fn fold_quiet(&mut self, fact: &WentQuiet) -> Effect {
        let last = self.quiet_since();
        if last > fact.since || self.is_over() {
            return Effect::none();
        }
        match fact.quiet {
            Quiet::Settled if self.has_deployed() => self.end(End {
                status: SessionStatus::Completed,
                reason: "Deploy is completed and nothing followed".to_owned(),
                at: last,
                path: None,
            }),
            Quiet::Settled => {}
            // A session that is abandoned does not become merely stalled.
            Quiet::Stalled if self.memory.quiet == Some(Quiet::Abandoned) => {}
            quiet => self.memory.quiet = Some(quiet),
        }
        Effect::none()
    }

    pub(crate) fn fold_gone(&mut self, path: &str) -> Effect {
        if self.memory.gone.len() < MAX_GONE {
            self.memory.gone.insert(path.to_owned());
        }
        Effect::none()
    }

    pub(crate) fn fold_returned(&mut self, path: &str) -> Effect {
        // A folder comes back with what is in it, and a file only together with its folder.
        self.memory
            .gone
            .retain(|gone| !within(gone, path) && !within(path, gone));
        Effect::none()
    }

    /// A producer's own event is work, unless its name says that it is only a sign of life.
    pub(crate) fn fold_custom(kind: &str) -> Effect {
        let kind = kind.to_lowercase();
        if HEARTBEATS.contains(&kind.as_str()) {
            Effect::seen()
        } else {
            Effect::work()
        }
    }
}

/// Whether `path` is `folder` or inside it.
fn within(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
