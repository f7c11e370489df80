//! Where a project is. It is known by the numbers of the folders that builds write into, stored like how far its files were
//! read: a project that turns up elsewhere with the same numbers was renamed, itself or a folder above it, and goes on
//! there with all that is known of it. A copy has numbers of its own.

use std::collections::BTreeMap;
use std::path::Path;

use forgecast_protocol::event::{Fact, ProblemCleared, SourceMoved};
use forgecast_protocol::{FileIdentity, SourceCheckpoint, SourceKey, Timestamp};
use litemap::LiteMap;

use super::inherited::Inherited;
use super::{BUILDLOOP, Content, Context, MARKER, ScanPass, SetKind, SourceFile, SourceSet};
use crate::clock;
use crate::facts;
use crate::folder::{self, Number, number};
use crate::watch::Interest;
use crate::work::{GRACE, Outcome, Place};
use forgecast_decode::Format;
use forgecast_open::Base;

/// What makes a folder a project.
pub(crate) const MARKERS: [&str; 2] = [MARKER, BUILDLOOP];

/// The folders that make it a project, by name, as they are stored: which folder it is, and of Context Foundry's the name
/// that the phase file gives the build.
#[derive(Debug, Default)]
pub(super) struct Markers(LiteMap<&'static str, SourceCheckpoint>);

impl Markers {
    /// Takes what an earlier life stored of them out of what it stored of a project's files.
    pub(super) fn known(stored: &mut BTreeMap<String, SourceCheckpoint>) -> Self {
        // Nearly every project has one.
        let mut known = LiteMap::with_capacity(1);
        known.extend(
            MARKERS
                .into_iter()
                .filter_map(|name| Some((name, stored.remove(name)?))),
        );
        Self(known)
    }

    pub(super) fn numbers(&self) -> Vec<Number> {
        self.0.values().map(|known| number(&known.identity)).collect()
    }

    /// The name that the build had in its phase file.
    pub(super) fn build_name(&self) -> Option<&str> {
        let state = self.0.get(MARKER).map(|known| known.state.as_str());
        state.filter(|name| !name.is_empty())
    }

    /// Whether any of them is in this folder.
    pub(super) fn are_in(&self, project: &Base) -> bool {
        let is_in = |(name, known): (&&str, &SourceCheckpoint)| {
            let there = project.stat(Path::new(name)).ok();
            there.is_some_and(|there| number(&there) == number(&known.identity))
        };
        self.0.iter().any(is_in)
    }
}

impl SourceSet {
    /// Stores which folders the project has, and the name of the build, when they are not as stored.
    pub(super) fn note_markers(&mut self, pass: &mut ScanPass<'_>) {
        if self.kind != SetKind::Project {
            return;
        }
        for name in MARKERS.into_iter().filter(|name| self.folders.contains_key(*name)) {
            let Ok(identity) = pass.base.stat(Path::new(name)) else {
                continue;
            };
            let known = self.markers.0.get(name);
            let state = self.build_name.clone().filter(|_| name == MARKER);
            let state = state
                .or_else(|| known.map(|known| known.state.clone()))
                .unwrap_or_default();
            if known.is_some_and(|known| number(&known.identity) == number(&identity) && known.state == state) {
                continue;
            }
            let stored = SourceCheckpoint {
                identity,
                state,
                ..SourceCheckpoint::default()
            };
            self.checkpoint(name, stored.clone(), pass);
            self.markers.0.insert(name, stored);
        }
    }

    /// Whether the folders that make the project are not here, which may turn up elsewhere in a moment. If they do not, the
    /// project goes on with what is here. Another project's may be made between this look and the next one, so that it does
    /// not count whether there are any yet.
    pub(super) fn is_replaced(&mut self, here: &Base) -> bool {
        if self.markers.0.is_empty() || self.markers.are_in(here) {
            return false;
        }
        let now = clock::wall();
        u128::from(now.millis_since(*self.replaced_at.get_or_insert(now))) < GRACE.as_millis()
    }

    /// Goes to another place if this very project is there by now. Returns whether it is.
    pub(super) fn follow(&mut self, place: &Place, now: Timestamp, context: &Context, outcome: &mut Outcome) -> bool {
        let has_moved = self.has_moved_to(place, context);
        if has_moved {
            self.move_to(place, now, context, outcome);
        }
        has_moved
    }

    /// Numbers are given again after a folder was removed, so there has to be a second sign that it is the same one.
    fn has_moved_to(&self, place: &Place, context: &Context) -> bool {
        let open = |root: &Path, relative: &Path| Base::open(root).and_then(|root| root.sub(relative)).ok();
        let is_in = |project: &Base| self.markers.are_in(project);
        let Some(there) = open(&place.root, &place.relative).filter(is_in) else {
            return false;
        };
        let is_still_here = open(&self.root, &self.relative).as_ref().is_some_and(is_in);
        !is_still_here
            && (self.is_watched_at(place, context) || self.has_a_file_in(&there) || self.is_named_in(&there, context))
    }

    /// Whether a watch that was set at the old place is that of the folder at the new one: the system keeps it for as long
    /// as the folder exists.
    fn is_watched_at(&self, place: &Place, context: &Context) -> bool {
        let is_watched = |name: &str| {
            let watch = self.folders.get(name).and_then(|folder| folder.watch);
            let there = || context.watcher.add(&place.directory().join(name), Interest::Content);
            watch.is_some() && watch == there()
        };
        MARKERS.into_iter().any(is_watched)
    }

    /// Whether a file of the project lies there as it was when it was read.
    fn has_a_file_in(&self, there: &Base) -> bool {
        let mut files = self.files.iter().filter(|(_, file)| file.was_seen());
        files.any(|(path, file)| there.stat(Path::new(path)).is_ok_and(|now| now == file.identity()))
    }

    /// Whether the phase file there gives the build the name that it had.
    fn is_named_in(&self, there: &Base, context: &Context) -> bool {
        let Some(name) = self.markers.build_name() else {
            return false;
        };
        let phase_files = self.files.iter().filter(|(_, file)| file.format == Format::Phase);
        let mut names = phase_files.filter_map(|(path, file)| {
            let (at, limit) = (Path::new(path), file.format.max_bytes());
            let bytes = there.file(at, limit).ok()?.read_all(at, limit).ok()?;
            let decoded = forgecast_decode::decode(&file.format, path, &bytes, &context.cleaner);
            decoded.ok()?.name
        });
        names.any(|there| there == name)
    }

    /// From now on the project is at this place: what is stored and what is wrong goes with it, in one batch, so that no
    /// life that begins later reads anything again.
    fn move_to(&mut self, place: &Place, now: Timestamp, context: &Context, outcome: &mut Outcome) {
        folder::leave(&mut self.folders, &context.watcher);
        let files = self.files.iter().filter(|(_, file)| file.was_seen());
        let files = files.map(|(path, file)| (path.clone(), file.checkpoint()));
        let markers = self.markers.0.iter();
        let markers = markers.map(|(name, stored)| ((*name).to_owned(), stored.clone()));
        let stored: Vec<(String, SourceCheckpoint)> = files.chain(markers).collect();
        let mut told = self.forget_inherited();
        let (subject, origin, from) = (self.subject(""), facts::internal(None), self.directory.clone());
        let forget = |path: &String| (SourceKey(self.key(path)), SourceCheckpoint::default());
        outcome
            .batch
            .checkpoints
            .extend(stored.iter().map(|(path, _)| forget(path)));

        self.directory = place.directory().to_string_lossy().into_owned();
        (self.root, self.relative) = (place.root.clone(), place.relative.clone());
        (self.lost_once, self.replaced_at) = (false, None);
        let to = self.directory.clone();
        tracing::info!(from, to, "a project was renamed");
        let (cleared, found) = self.problems.move_to(&from, &to);
        let kept = stored
            .into_iter()
            .map(|(path, stored)| (SourceKey(self.key(&path)), stored));
        outcome.batch.checkpoints.extend(kept);
        told.extend(cleared);
        told.push(Fact::SourceMoved(SourceMoved { from, to }));
        let told = told.into_iter().map(|fact| facts::event(&subject, now, &origin, fact));
        let subject = self.subject("");
        let found = found.into_iter().map(|fact| facts::event(&subject, now, &origin, fact));
        outcome.batch.events.extend(told.chain(found));
    }

    /// Takes back what an earlier life may have told of the files under their old paths. Those that may be broken are read
    /// again.
    fn forget_inherited(&mut self) -> Vec<Fact> {
        let directory = &self.directory;
        let files = self.files.iter_mut();
        let inherited = files.filter(|(_, file)| file.inherited != Inherited::Nothing);
        let facts = inherited.map(|(path, file)| {
            if let Content::Document(document) = &mut file.content {
                document.identity = FileIdentity::default();
            }
            Fact::ProblemCleared(ProblemCleared {
                key: folder::join(directory, path),
                with_parts: true,
            })
        });
        facts.collect()
    }
}

impl SourceFile {
    /// Which file it was when it was last read.
    fn identity(&self) -> FileIdentity {
        match &self.content {
            Content::Document(document) => document.identity,
            Content::Log(tail, ..) => tail.identity,
            Content::Listed(identity) => *identity,
        }
    }

    /// How far it was read.
    fn checkpoint(&self) -> SourceCheckpoint {
        match &self.content {
            Content::Document(document) => document.checkpoint(),
            Content::Log(tail, ..) => tail.checkpoint(String::new()),
            Content::Listed(identity) => SourceCheckpoint {
                identity: *identity,
                ..SourceCheckpoint::default()
            },
        }
    }
}
