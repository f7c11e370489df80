//! What is remembered of names, runs and folders, and what a fact's subject turns out to be.

use std::collections::BTreeMap;

use forgecast_protocol::{SessionId, SessionName, Timestamp};

use super::Span;

/// All runs of one slug.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The name as a producer or a folder gave it.
    pub(super) name: String,
    pub(super) directory: Option<String>,
    /// Whether a producer gave the name (else it is the folder's).
    pub(super) named: bool,
    /// Whether it is nothing but an agent's transcript; its folder is not the folder's session then.
    pub(super) own: bool,
    /// Number of the newest run there ever was; grows only, also when runs are removed.
    pub(super) newest: u32,
    /// The runs that are known, with whether they are over and when they were first seen.
    pub(super) runs: BTreeMap<u32, Run>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) over: bool,
    pub(super) created_at: Timestamp,
    /// When it was at work.
    pub(super) span: Span,
}

/// The sessions of one folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    /// The one that facts without a name belong to.
    pub(super) current: Option<SessionName>,
    pub(super) slugs: Vec<SessionName>,
}

/// A session that a fact belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) id: SessionId,
    /// The producer named this very run: the fact can't begin a new one.
    pub(crate) explicit: bool,
    /// It did not exist before.
    pub(crate) created: bool,
    /// What is known of the session changed (or it is new): it has to be stored before its facts.
    pub(crate) changed: bool,
    /// The subject's transcript was bound to it just now: that has to be stored, too.
    pub(crate) binds: bool,
}

/// A session that was there already.
pub(super) fn known(id: SessionId, changed: bool) -> Resolved {
    Resolved {
        id,
        explicit: false,
        created: false,
        changed,
        binds: false,
    }
}
