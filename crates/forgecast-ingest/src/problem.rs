//! Problems of sources, keyed so that the same one is reported once, counted while it lasts, and taken back when it is over.

use std::collections::BTreeMap;

use forgecast_protocol::event::{Fact, ProblemCleared, ProblemFound};
use forgecast_protocol::{Problem, ProblemKind};

use forgecast_decode::clean::Cleaner;
use forgecast_open::OpenError;

/// The problems that are open, by key.
#[derive(Debug, Default)]
pub(crate) struct Problems(BTreeMap<String, Problem>);

impl Problems {
    /// A problem is seen: the fact that says so, unless it was said in the same words already.
    pub(crate) fn found(&mut self, key: &str, kind: ProblemKind, message: String, subject: &str) -> Option<Fact> {
        let found = self.added(key, kind, message, subject)?;
        tracing::warn!(key, ?kind, problem = found.problem.message, "a source has a problem");
        Some(Fact::ProblemFound(found))
    }

    /// As [`found`](Self::found), but no warning of the log: of what whoever started us is told in another way.
    pub(crate) fn found_quietly(
        &mut self,
        key: &str,
        kind: ProblemKind,
        message: String,
        subject: &str,
    ) -> Option<Fact> {
        let found = self.added(key, kind, message, subject)?;
        tracing::info!(key, ?kind, problem = found.problem.message, "a source has a problem");
        Some(Fact::ProblemFound(found))
    }

    fn added(&mut self, key: &str, kind: ProblemKind, message: String, subject: &str) -> Option<ProblemFound> {
        let problem = Problem {
            kind,
            message,
            subject: Some(subject.to_owned()),
        };
        if self.0.get(key) == Some(&problem) {
            return None;
        }
        self.0.insert(key.to_owned(), problem.clone());
        Some(ProblemFound {
            key: key.to_owned(),
            problem,
        })
    }

    /// A file or folder that is its own key cannot be opened or read.
    pub(crate) fn refused(&mut self, key: &str, error: &OpenError, cleaner: &Cleaner) -> Option<Fact> {
        let kind = match error {
            OpenError::Refused { .. } => ProblemKind::Refused,
            OpenError::Oversize { .. } => ProblemKind::Oversize,
            OpenError::Io { .. } | OpenError::Missing { .. } => ProblemKind::Unreadable,
        };
        let message = match error {
            OpenError::Io { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        };
        self.found(key, kind, cleaner.line(&message), key)
    }

    /// A problem is over, if it was there.
    pub(crate) fn cleared(&mut self, key: &str) -> Option<Fact> {
        self.0.remove(key)?;
        tracing::info!(key, "a source's problem is over");
        Some(Fact::ProblemCleared(ProblemCleared {
            key: key.to_owned(),
            with_parts: false,
        }))
    }

    /// What had its path in one folder has it in another: what is over under the old keys, and found under the new ones.
    pub(crate) fn move_to(&mut self, from: &str, to: &str) -> (Vec<Fact>, Vec<Fact>) {
        let moved = |path: &str| path.strip_prefix(from).map(|rest| format!("{to}{rest}"));
        let mut facts = (Vec::new(), Vec::new());
        for (old, problem) in std::mem::take(&mut self.0) {
            let key = moved(&old).unwrap_or_else(|| old.clone());
            let subject = problem.subject.map(|subject| moved(&subject).unwrap_or(subject));
            let problem = Problem { subject, ..problem };
            facts.0.push(Fact::ProblemCleared(ProblemCleared {
                key: old,
                with_parts: false,
            }));
            facts.1.push(Fact::ProblemFound(ProblemFound {
                key: key.clone(),
                problem: problem.clone(),
            }));
            self.0.insert(key, problem);
        }
        facts
    }

    /// Keys that begin with `prefix`.
    pub(crate) fn keys_below(&self, prefix: &str) -> Vec<String> {
        let after = self.0.range(prefix.to_owned()..);
        after
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .cloned()
            .collect()
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The key of a field's problem within a file.
pub(crate) fn field_key(file: &str, field: &str) -> String {
    format!("{file}#{field}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_said_once_until_it_changes_or_is_over() {
        let mut problems = Problems::default();
        let found = |problems: &mut Problems, message: &str| {
            problems
                .found("/a", ProblemKind::Unparsable, message.to_owned(), "/a")
                .is_some()
        };
        assert!(found(&mut problems, "one"));
        assert!(!found(&mut problems, "one"));
        assert!(found(&mut problems, "two"));
        assert!(problems.cleared("/a").is_some());
        assert!(problems.cleared("/a").is_none());
        assert!(found(&mut problems, "two"));
    }

    #[test]
    fn problems_of_a_file_s_fields_are_found_by_the_file() {
        let mut problems = Problems::default();
        for key in ["/a", "/a#x", "/a#y", "/ab#z"] {
            problems.found(key, ProblemKind::BadField, String::new(), key);
        }
        assert_eq!(problems.keys_below(&field_key("/a", "")), ["/a#x", "/a#y"]);
    }
}
