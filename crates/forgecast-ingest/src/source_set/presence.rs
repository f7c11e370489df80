//! What is there and what is not: files and folders that vanish are given a moment (a replacement by remove and create
//! looks the same), then reported; a session is never shown as gone because one reading failed.

use std::time::Duration;

use forgecast_protocol::event::{ArtifactChanged, Fact, SourceGone, SourceReturned};
use forgecast_protocol::{ProblemKind, SourceCheckpoint, Timestamp};

use super::{Content, Context, Outcome, ScanPass, SetKind, SourceFile, SourceSet, Tail};
use crate::facts;
use crate::folder;
use crate::work::GRACE;
use forgecast_decode::Format;
use forgecast_open::{Base, OpenError};

/// How soon a source whose root is away is looked at again.
const RECHECK: Duration = Duration::from_millis(500);

impl SourceSet {
    /// The source's folder cannot be entered.
    pub(super) fn lost(
        &mut self,
        error: &OpenError,
        now: Timestamp,
        context: &Context,
        mut outcome: Outcome,
    ) -> Outcome {
        if !std::mem::replace(&mut self.lost_once, true) {
            outcome.recheck = Some(GRACE);
            return outcome;
        }
        if self.awaits_root(now, context) {
            outcome.recheck = Some(RECHECK);
            return outcome;
        }
        let key = self.directory.clone();
        let problem = if error.is_missing() {
            self.problems.cleared(&key)
        } else {
            self.problems
                .found(&key, ProblemKind::Unreadable, error.to_string(), &key)
        };
        folder::leave(&mut self.folders, &context.watcher);
        let (subject, origin) = (self.subject(""), facts::internal(None));
        let facts = problem.into_iter().chain(self.leave(key));
        let events = facts.map(|fact| facts::event(&subject, now, &origin, fact));
        outcome.batch.events.extend(events);
        outcome
    }

    /// Whether the configured folder itself is away, and not for long: then nothing can be said of what is in it.
    fn awaits_root(&mut self, now: Timestamp, context: &Context) -> bool {
        if Base::open(&self.root).and_then(|root| root.enter()).is_ok() {
            self.root_away_since = None;
            return false;
        }
        let since = *self.root_away_since.get_or_insert(now);
        now.millis_since(since) < context.away_ms
    }

    /// From now on gone; said once, and only of what was ever shown.
    fn leave(&mut self, path: String) -> Option<Fact> {
        let seen = self.files.values().any(|file| file.was_seen());
        for source in self.files.values_mut() {
            match &mut source.content {
                Content::Document(document) => document.present = false,
                Content::Log(tail, ..) => tail.present = false,
                Content::Listed(_) => {}
            }
        }
        if self.gone.is_some()
            || !seen
            || matches!(
                self.kind,
                SetKind::Logs | SetKind::Transcripts(_) | SetKind::Processes(_)
            )
        {
            return None;
        }
        self.gone = Some(path.clone());
        Some(Fact::SourceGone(SourceGone { path }))
    }

    /// A file is not there.
    pub(super) fn absent(&mut self, path: &str, source: &mut SourceFile, pass: &mut ScanPass<'_>) {
        if std::mem::take(&mut source.refused) {
            self.clear_file(path, pass);
        }
        if !source.was_seen() {
            source.absent_once = false;
            return;
        }
        let reported = match &source.content {
            Content::Document(document) => !document.present && self.gone.is_some(),
            _ => false,
        };
        if reported {
            return;
        }
        if !std::mem::replace(&mut source.absent_once, true) {
            pass.outcome.retry.push((path.to_owned(), GRACE));
            return;
        }
        source.absent_once = false;
        self.clear_inherited(path, &mut source.inherited, true, pass);
        self.clear_file(path, pass);
        let kind = source.format.artifact_kind();
        match &mut source.content {
            Content::Document(document) => {
                document.present = false;
                if source.format == Format::Phase {
                    // The digest stays: what comes back unchanged says nothing new.
                    if self.gone.is_none() {
                        let gone = self.key(path);
                        self.gone = Some(gone.clone());
                        self.emit(Some(Fact::SourceGone(SourceGone { path: gone })), path, pass);
                    }
                    return;
                }
                document.digest.clear();
            }
            // A log that is not there leaves its offset behind only as long as it may come back.
            Content::Log(tail, ..) => *tail = Tail::default(),
            Content::Listed(identity) => *identity = forgecast_protocol::FileIdentity::default(),
        }
        if let Format::Checkpoint(part) = &source.format {
            self.parts.remove(part);
        }
        self.checkpoint(path, SourceCheckpoint::default(), pass);
        if let Some(kind) = kind {
            let removed = ArtifactChanged {
                name: path.to_owned(),
                kind,
                size: 0,
                modified_at: pass.now,
                dated: None,
                removed: true,
            };
            self.emit(Some(Fact::ArtifactChanged(removed)), path, pass);
        }
    }

    /// After a look: is what was gone back?
    pub(super) fn settle_presence(&mut self, pass: &mut ScanPass<'_>) {
        let directory = self.directory.clone();
        if let Some(fact) = self.problems.cleared(&directory) {
            self.emit(Some(fact), "", pass);
        }
        if self.gone.is_none() {
            return;
        }
        let mut documents = self.files.values().filter_map(|source| match &source.content {
            Content::Document(document) => Some((&source.format, document.present)),
            _ => None,
        });
        // A project is its phase file, when it ever had one.
        let back = match self.kind {
            SetKind::Project => {
                let phase = documents.clone().find(|(format, _)| **format == Format::Phase);
                phase.map_or_else(|| !self.folders.is_empty(), |(_, present)| present)
            }
            SetKind::Checkpoint | SetKind::Logs | SetKind::Transcripts(_) | SetKind::Processes(_) => {
                documents.any(|(_, present)| present)
            }
        };
        if let Some(path) = self.gone.take_if(|_| back) {
            self.emit(Some(Fact::SourceReturned(SourceReturned { path })), "", pass);
        }
    }
}
