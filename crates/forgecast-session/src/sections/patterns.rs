//! The pattern libraries of a project. They belong to the project and not to a run, so their age does not matter.

use std::collections::BTreeMap;

use forgecast_protocol::event::PatternRecorded;
use forgecast_protocol::session::PatternView;

use super::{evict, put, set_some};

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
    set_some(&mut pattern.library, fact.library.as_ref());
    set_some(&mut pattern.severity, fact.severity.as_ref());
    set_some(&mut pattern.frequency, fact.frequency.as_ref());
    set_some(&mut pattern.times_prevented, fact.times_prevented.as_ref());
    let changed = put(view, &fact.id, pattern);
    evict(view, MAX_PATTERNS, &fact.id, |pattern| pattern.frequency, |_, _| {});
    changed
}
