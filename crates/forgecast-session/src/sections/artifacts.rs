//! The files of a session. Their growth is work, also where nobody reports any.

use std::collections::BTreeMap;

use forgecast_protocol::event::ArtifactChanged;
use forgecast_protocol::session::ArtifactView;

use super::{evict, put};

/// Files that are kept; the one that changed longest ago is dropped first.
const MAX_ARTIFACTS: usize = 2000;

/// Folds a file that was added, changed or removed; whether that changed anything.
pub(crate) fn apply(view: &mut BTreeMap<String, ArtifactView>, fact: &ArtifactChanged) -> bool {
    if fact.removed {
        return view.remove(&fact.name).is_some();
    }
    let artifact = ArtifactView {
        kind: fact.kind,
        size: fact.size,
        modified_at: fact.modified_at,
    };
    let changed = put(view, &fact.name, artifact);
    evict(
        view,
        MAX_ARTIFACTS,
        &fact.name,
        |_, artifact| artifact.modified_at,
        |_, _| {},
    );
    changed
}
