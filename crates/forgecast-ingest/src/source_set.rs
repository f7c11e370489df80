//! The files that are read together: those of one project, of one checkpoint, or of one folder of logs. All of their
//! state is here and moves as a whole onto a blocking thread for each piece of work, so two readings of one file never
//! overlap. This code blocks; it starts nothing, waits for nothing and knows no channel.

mod checkpoint;
mod documents;
mod folders;
mod inherited;
mod logs;
mod phase;
mod place;
mod presence;

pub(crate) use folders::{BUILDLOOP, MARKER, TASKS, format_of};
use inherited::Inherited;
use phase::BuildPhase;
pub(crate) use place::MARKERS;
use place::Markers;

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgecast_protocol::event::Fact;
use forgecast_protocol::{FileIdentity, Origin, SourceCheckpoint, SourceKey, Subject, Timestamp};

use crate::document::Document;
use crate::facts;
use crate::folder::{self, Folders};
use crate::problem::Problems;
use crate::source::{Source, Status};
use crate::tail::Tail;
use crate::watch::WatchId;
use crate::work::{Context, GRACE, Outcome, ScanDepth, SetKind, Work, directory_of};
use forgecast_decode::clean::LogState;
use forgecast_decode::{CheckpointPart, Format};
use forgecast_open::{Base, FileSystem, OpenError};

/// A document of this size is decoded and cleaned in less time than it takes to wake another thread twice.
const LIGHT_BYTES: u64 = 16 * 1024;

/// One file of a source.
#[derive(Debug)]
struct SourceFile {
    format: Format,
    /// Never read by this or an earlier life.
    first_sight: bool,
    /// Was not there when it was last looked for; gone for good if it is not there next time.
    absent_once: bool,
    /// It could not be opened when it was last looked at.
    refused: bool,
    /// Problems of it that an earlier life may have told, and that only a reading in this one can take back.
    inherited: Inherited,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Rewritten, read whole.
    Document(Document),
    /// Appended to. With the time when its growth was last reported.
    Log(Tail, LogState, Option<Timestamp>),
    /// Listed only.
    Listed(FileIdentity),
}

/// The files of one build, checkpoint or folder of logs, and how far each was read.
#[derive(Debug)]
pub(crate) struct SourceSet {
    kind: SetKind,
    root: PathBuf,
    relative: PathBuf,
    /// The source's folder as text.
    directory: String,
    folders: Folders,
    /// In boxes: a map has places for eleven from its first entry on, and most sources have one file.
    files: BTreeMap<String, Box<SourceFile>>,
    /// Nothing of it was read by an earlier life.
    unknown: bool,
    problems: Problems,
    /// What is gone, once that was reported.
    gone: Option<String>,
    /// The source's folder could not be entered when it was last tried.
    lost_once: bool,
    /// Since when the configured folder that it is in is away.
    root_away_since: Option<Timestamp>,
    /// Last good content of a checkpoint's files.
    parts: BTreeMap<CheckpointPart, Vec<u8>>,
    /// Whose the overnight logs are, by path; `None`: it names nobody.
    overnight: BTreeMap<String, Option<String>>,
    /// Since when the folders that make the project are not in its place.
    replaced_at: Option<Timestamp>,
    /// The host was said in this life.
    introduced: bool,
    phase: BuildPhase,
    /// On what the source's folder is, as of the last close look.
    file_system: FileSystem,
    /// The name that the phase file gives the build, as far as it was read in this life.
    build_name: Option<String>,
    markers: Markers,
}

/// One run of work: the source's folder, open, and what comes of it.
struct ScanPass<'a> {
    context: &'a Context,
    base: Base,
    now: Timestamp,
    outcome: Outcome,
}

impl SourceSet {
    /// `relative` to `root`; `known` are checkpoints by path within the source's folder.
    pub(crate) fn new(
        kind: SetKind,
        root: PathBuf,
        relative: PathBuf,
        mut known: BTreeMap<String, SourceCheckpoint>,
    ) -> Self {
        let markers = Markers::known(&mut known);
        let directory = directory_of(&root, &relative).to_string_lossy().into_owned();
        let sources = known
            .iter()
            .filter_map(|(path, checkpoint)| Some((path.clone(), SourceFile::new(kind, path, Some(checkpoint))?)));
        let files: BTreeMap<String, Box<SourceFile>> = sources.collect();
        Self {
            phase: BuildPhase::known(&files),
            kind,
            directory,
            files,
            folders: Folders::new(),
            unknown: known.is_empty(),
            problems: Problems::default(),
            gone: None,
            lost_once: false,
            root_away_since: None,
            replaced_at: None,
            parts: BTreeMap::new(),
            overnight: BTreeMap::new(),
            introduced: false,
            file_system: FileSystem::Unknown,
            build_name: None,
            markers,
            root,
            relative,
        }
    }

    fn scan(&mut self, work: &Work, mut depth: ScanDepth, pass: &mut ScanPass<'_>) {
        if depth == ScanDepth::Light && self.differs_lightly(pass) {
            depth = ScanDepth::Full;
        }
        let mut candidates = work.changed.clone();
        candidates.extend(work.again.iter().cloned());
        pass.outcome.looks += u64::from(depth > ScanDepth::Named);
        if depth >= ScanDepth::Full {
            self.file_system = pass.base.file_system();
            self.visit_folders(depth == ScanDepth::Rescan, pass);
            candidates.extend(self.files.keys().cloned());
        }
        let mut ordered: Vec<_> = candidates.into_iter().collect();
        ordered.sort_by_cached_key(|path| (Format::of(path).map_or(u8::MAX, |format| rank(&format)), path.clone()));
        for path in ordered {
            self.read(&path, work.again.contains(&path), pass);
        }
        if work.retell {
            self.retell(pass);
        }
        let is_renamed = self.build_name.is_some() && self.build_name.as_deref() != self.markers.build_name();
        if depth >= ScanDepth::Full || is_renamed {
            self.note_markers(pass);
        }
    }

    fn read(&mut self, path: &str, again: bool, pass: &mut ScanPass<'_>) {
        let Some(mut source) = self
            .files
            .remove(path)
            .or_else(|| SourceFile::new(self.kind, path, None))
        else {
            return;
        };
        let result = match &mut source.content {
            Content::Document(_) => self.read_document(path, &mut source, again, pass),
            Content::Log(..) => self.read_log(path, &mut source, pass),
            Content::Listed(_) => self.read_listed(path, &mut source, pass),
        };
        match result {
            Ok(()) => {
                source.absent_once = false;
                // A document was read and says for itself how it is.
                if std::mem::take(&mut source.refused) && !matches!(source.content, Content::Document(_)) {
                    self.clear_file(path, pass);
                }
            }
            Err(error) => self.failed(path, &mut source, &error, pass),
        }
        // What never was there leaves no trace.
        if source.was_seen() || source.absent_once || source.refused {
            self.files.insert(path.to_owned(), source);
        }
    }

    /// A file could not be read: missing for a moment, gone, refused, too large, or the system's fault.
    fn failed(&mut self, path: &str, source: &mut SourceFile, error: &OpenError, pass: &mut ScanPass<'_>) {
        if error.is_missing() {
            return self.absent(path, source, pass);
        }
        source.absent_once = false;
        source.refused = true;
        if let Content::Document(document) = &mut source.content {
            // Whatever stands there next is read.
            document.identity = FileIdentity::default();
        }
        self.report_refused(path, error, pass);
    }

    /// A file or folder could not be opened or read.
    fn report_refused(&mut self, path: &str, error: &OpenError, pass: &mut ScanPass<'_>) {
        let fact = self.problems.refused(&self.key(path), error, &pass.context.cleaner);
        self.emit(fact, path, pass);
    }

    /// An event of the sources themselves about a file of this source.
    fn emit(&self, fact: Option<Fact>, path: &str, pass: &mut ScanPass<'_>) {
        if let Some(fact) = fact {
            pass.event(&self.subject(path), &facts::internal(Some(path)), fact);
        }
    }

    fn checkpoint(&self, path: &str, checkpoint: SourceCheckpoint, pass: &mut ScanPass<'_>) {
        pass.outcome
            .batch
            .checkpoints
            .push((SourceKey(self.key(path)), checkpoint));
    }

    /// The absolute path as text: the name of a source and of its problems.
    fn key(&self, path: &str) -> String {
        folder::join(&self.directory, path)
    }

    /// Whose a file's facts are.
    fn subject(&self, path: &str) -> Subject {
        match self.kind {
            SetKind::Project => Subject {
                directory: Some(self.directory.clone()),
                ..Subject::default()
            },
            SetKind::Checkpoint => Subject {
                name: Some(last_name(&self.directory)),
                ..Subject::default()
            },
            SetKind::Logs | SetKind::Transcripts(_) | SetKind::Processes(_) => Subject {
                name: match self.overnight.get(path) {
                    Some(session) => session.clone(),
                    None => logs::session_of(path),
                },
                ..Subject::default()
            },
        }
    }
}

impl Source for SourceSet {
    fn work(&mut self, work: &Work, context: &Context) -> Outcome {
        let now = context.clock.now();
        let mut outcome = Outcome::default();
        if let Some(place) = &work.place {
            let is_there = self.follow(place, now, context, &mut outcome);
            outcome.place = Some(Box::new((place.clone(), is_there)));
        }
        let base = Base::open(&self.root).and_then(|root| root.sub(&self.relative));
        match base {
            Err(error) => self.lost(&error, now, context, outcome),
            Ok(base) if self.is_replaced(&base) => {
                outcome.recheck = Some(GRACE);
                outcome
            }
            Ok(base) => {
                self.lost_once = false;
                self.root_away_since = None;
                let mut depth = work.depth;
                if self.replaced_at.is_some() {
                    // The watches of the folders that were here may go on elsewhere.
                    folder::leave(&mut self.folders, &context.watcher);
                    depth = ScanDepth::Rescan;
                }
                let mut pass = ScanPass {
                    context,
                    base,
                    now,
                    outcome,
                };
                self.scan(work, depth, &mut pass);
                if self.replaced_at.is_some() && self.markers.are_in(&pass.base) {
                    self.replaced_at = None;
                }
                self.report_checkpoint(&mut pass);
                self.settle_presence(&mut pass);
                pass.outcome
            }
        }
    }

    /// Whether the work is to read one small document again. What it is now is not known; what it was when it was last
    /// read is.
    fn is_light(&self, work: &Work) -> bool {
        let mut files = work.changed.iter().chain(&work.again);
        let (Some(path), None, ScanDepth::Named, false) = (
            files.next(),
            files.next(),
            work.depth,
            work.retell || work.place.is_some(),
        ) else {
            return false;
        };
        matches!(self.files.get(path).map(|source| &source.content),
            Some(Content::Document(document)) if document.present && document.identity.size <= LIGHT_BYTES)
    }

    fn status(&self) -> Status {
        Status {
            gone: self.gone.is_some(),
            unwatched: folder::unwatched(&self.folders),
            is_covered: self.file_system == FileSystem::Local,
            problems: self.problems.len(),
            transcripts: 0,
            numbers: self.markers.numbers(),
        }
    }

    fn forget_watch(&mut self, watch: WatchId) {
        folder::forget_watch(&mut self.folders, watch);
    }
}

impl ScanPass<'_> {
    fn touched(&mut self, identity: &FileIdentity) {
        let at = facts::modified(identity, self.now);
        self.outcome.active_at = self.outcome.active_at.max(Some(at));
    }

    fn origin(&self, path: &str, format: &Format, identity: &FileIdentity, first_sight: bool) -> Origin {
        Origin {
            kind: facts::source_kind(format),
            path: Some(path.to_owned()),
            first_sight,
            modified_at: Some(facts::modified(identity, self.now)),
        }
    }

    fn event(&mut self, subject: &Subject, origin: &Origin, fact: Fact) {
        let event = facts::event(subject, facts::learned_at(origin, self.now), origin, fact);
        self.outcome.batch.events.push(event);
    }
}

impl SourceFile {
    fn new(kind: SetKind, path: &str, known: Option<&SourceCheckpoint>) -> Option<Box<Self>> {
        let format = format_of(kind, path)?;
        let content = if format.is_appended() {
            Content::Log(known.map(Tail::known).unwrap_or_default(), LogState::default(), None)
        } else if format.is_document() {
            Content::Document(known.map(Document::known).unwrap_or_default())
        } else {
            Content::Listed(known.map(|known| known.identity).unwrap_or_default())
        };
        Some(Box::new(Self {
            format,
            first_sight: known.is_none(),
            absent_once: false,
            refused: false,
            inherited: if known.is_some() {
                Inherited::Anything
            } else {
                Inherited::Nothing
            },
            content,
        }))
    }

    /// Whether there is anything to remember.
    fn was_seen(&self) -> bool {
        match &self.content {
            Content::Document(document) => document.present || !document.digest.is_empty(),
            Content::Log(tail, ..) => tail.present || tail.identity != FileIdentity::default(),
            Content::Listed(identity) => *identity != FileIdentity::default(),
        }
    }
}

/// What is read first: what viewers look at first.
fn rank(format: &Format) -> u8 {
    match format {
        Format::Phase | Format::Checkpoint(_) => 0,
        Format::Summary => 1,
        Format::TestReport { .. } | Format::TestCount => 2,
        Format::Feedback => 3,
        Format::Patterns => 4,
        Format::BuildTasks | Format::RunManifest | Format::TasksMd => 5,
        Format::TaskMark { .. } => 6,
        Format::Other(_) => 7,
        Format::EventsJsonl => 8,
        Format::Log => 9,
    }
}

/// The last part of a path, as text.
fn last_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}
