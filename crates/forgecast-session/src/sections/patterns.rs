//! The pattern libraries of a project. They belong to the project and not to a run, so their age does not matter.

use std::collections::BTreeMap;

use forgecast_protocol::event::PatternRecorded;
use forgecast_protocol::session::PatternView;

use super::{evict, put, take_stated};

/// Patterns that are kept; the rarest is dropped first.
const MAX_PATTERNS: usize = 1000;

/// Folds one pattern; whether that changed anything.
pub(crate) fn apply(view: &mut BTreeMap<String, PatternView>, fact: &PatternRecorded) -> bool {
    let mut pattern = view.get(&fact.id).cloned().unwrap_or_default();
    if let Some(title) = &fact.title {
        pattern.title.clone_from(title);
    } else if pattern.title.is_empty() {
        pattern.title.clone_from(&fact.id);
    }
    take_stated!(pattern, fact, library, severity, frequency, times_prevented);
    let changed = put(view, &fact.id, pattern);
    evict(view, MAX_PATTERNS, &fact.id, |_, pattern| pattern.frequency, |_, _| {});
    changed
}
