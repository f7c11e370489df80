//! The pattern libraries of a project. They belong to the project and not to a run, so their age does not matter.

use forgecast_protocol::event::PatternRecorded;

use super::effect::{Effect, Section, put, set_some};
use crate::Session;

/// Patterns that are kept; the rarest goes first.
const MAX_PATTERNS: usize = 1000;

impl Session {
    /// A library is no work of this build; when its file changes, the file's own fact says so.
    pub(crate) fn fold_pattern(&mut self, fact: &PatternRecorded) -> Effect {
        let patterns = &mut self.view.patterns;
        let mut pattern = patterns.get(&fact.id).cloned().unwrap_or_default();
        if let Some(title) = &fact.title {
            pattern.title.clone_from(title);
        } else if pattern.title.is_empty() {
            pattern.title.clone_from(&fact.id);
        }
        set_some(&mut pattern.library, fact.library.as_ref());
        set_some(&mut pattern.severity, fact.severity.as_ref());
        set_some(&mut pattern.frequency, fact.frequency.as_ref());
        set_some(&mut pattern.times_prevented, fact.times_prevented.as_ref());
        let changed = put(patterns, &fact.id, pattern);
        while patterns.len() > MAX_PATTERNS {
            let others = patterns.iter().filter(|(id, _)| **id != fact.id);
            let rarest = others.min_by_key(|(_, pattern)| pattern.frequency);
            let Some(id) = rarest.map(|(id, _)| id.clone()) else {
                break;
            };
            patterns.remove(&id);
        }
        if changed {
            Effect::none().and(Section::Patterns)
        } else {
            Effect::none()
        }
    }
}
