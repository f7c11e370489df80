//! The processes of an agent: the files in which each says what it is doing, joined with whether it
//! is there. A file that goes away says that its process ended in order; a process that is gone
//! while its file stays has crashed. What may belong to another machine or namespace says nothing.

mod alive;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use forgecast_decode::Unparsable;
use forgecast_decode::agents::{JobFile, ProcessFile, ProcessFiles};
use forgecast_open::{Base, EntryKind, FileSystem};
use forgecast_protocol::event::{Fact, ProcessReported, ProcessStatus};
use forgecast_protocol::{
    FileIdentity, Origin, SessionName, SourceCheckpoint, SourceKey, SourceKind, Subject, Timestamp,
};
use serde::{Deserialize, Serialize};

use self::alive::{Presence, Proof};
use crate::document::{Document, Reading};
use crate::facts;
use crate::folder::{self, Folder, Folders};
use crate::source::{Source, Status};
use crate::watch::{Interest, WatchId};
use crate::work::{Context, GRACE, Outcome, Work};

/// While a process is there, it is looked for this often.
const LOOK: Duration = Duration::from_secs(1);
/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Files that are followed, of processes and of jobs each.
const MAX_FILES: usize = 1_000;
/// How often a file that is being written is read again, and how soon.
const RETRIES: u8 = 3;
const RETRY: Duration = Duration::from_millis(20);

/// The processes and jobs of one home of an agent, and what was last said of each.
pub(crate) struct Processes {
    files: &'static ProcessFiles,
    home: PathBuf,
    folders: Folders,
    processes: BTreeMap<String, ProcessEntry>,
    jobs: BTreeMap<String, JobEntry>,
    /// The machine and process namespace of this program.
    domain: Option<String>,
}

/// The file of a process.
#[derive(Debug, Default)]
struct ProcessEntry {
    document: Document,
    file: Option<ProcessFile>,
    said: Option<LastReport>,
    /// Not read by this or an earlier life.
    first_sight: bool,
    absent_once: bool,
}

/// What was last said of a process; stored, so that the next life knows what ended meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LastReport {
    session: SessionName,
    directory: Option<String>,
    report: ProcessReported,
    /// The process itself was seen.
    seen: bool,
}

/// The file of a job.
#[derive(Debug, Default)]
struct JobEntry {
    document: Document,
    file: Option<JobFile>,
    /// Digest of the content that was last reported, by this or an earlier life; empty when none
    /// was.
    reported: String,
}

/// One run of work: the home, open, and what comes of it.
struct ScanPass<'a> {
    context: &'a Context,
    base: Base,
    now: Timestamp,
    outcome: Outcome,
}

impl Processes {
    /// `known` are checkpoints by path within the home.
    pub(crate) fn new(files: &'static ProcessFiles, home: PathBuf, known: BTreeMap<String, SourceCheckpoint>) -> Self {
        let mut processes = BTreeMap::new();
        let mut jobs = BTreeMap::new();
        // Their content is not stored: it is read again, and what was said of it before is not said
        // again.
        for (path, checkpoint) in known {
            if path.starts_with(files.jobs) {
                let reported = checkpoint.digest;
                jobs.insert(
                    path,
                    JobEntry {
                        reported,
                        ..JobEntry::default()
                    },
                );
            } else if let Ok(said) = serde_json::from_str(&checkpoint.state) {
                processes.insert(
                    path,
                    ProcessEntry {
                        said,
                        ..ProcessEntry::default()
                    },
                );
            }
        }
        Self {
            files,
            home,
            folders: Folders::new(),
            processes,
            jobs,
            domain: alive::own_domain(),
        }
    }

    /// The files of an agent that says what its processes are doing, and no others.
    pub(crate) fn is_one(files: &ProcessFiles, path: &str) -> bool {
        let inside = |folder: &str| path.strip_prefix(folder)?.strip_prefix('/');
        let is_process = |name: &str| {
            let pid = name.strip_suffix(".json");
            pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|letter| letter.is_ascii_digit()))
        };
        inside(files.processes).is_some_and(is_process)
            || inside(files.jobs)
                .and_then(|rest| rest.split_once('/'))
                .is_some_and(|(_, name)| name == files.job)
    }

    /// Lists the folders and looks at every file that is there or was.
    fn scan(&mut self, pass: &mut ScanPass<'_>) {
        let (processes, jobs) = (self.files.processes, self.files.jobs);
        let mut paths: BTreeSet<String> = self.processes.keys().chain(self.jobs.keys()).cloned().collect();
        self.follow(processes, Interest::Content, pass);
        self.follow(jobs, Interest::Names, pass);
        let list = |folder: &str| pass.base.list(Path::new(folder)).unwrap_or_default();
        for entry in list(processes).into_iter().take(MAX_FILES) {
            let path = folder::join(processes, &entry.name.to_string_lossy());
            if entry.kind == EntryKind::File && Self::is_one(self.files, &path) {
                paths.insert(path);
            }
        }
        let folders: Vec<String> = list(jobs)
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::Folder)
            .map(|entry| folder::join(jobs, &entry.name.to_string_lossy()))
            .take(MAX_FILES)
            .collect();
        for job in folders {
            let path = folder::join(&job, self.files.job);
            if self.is_at_work(&path, pass) {
                self.follow(&job, Interest::Content, pass);
                paths.insert(path);
            }
        }
        // Jobs first: what a job needs is said with its process.
        let (jobs, processes): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.starts_with(jobs));
        jobs.iter().for_each(|path| self.look_at_job(path, pass));
        processes.iter().for_each(|path| self.look_at_process(path, pass));
    }

    /// Whether a job may still change: its file did within the time after which a transcript is an
    /// archive.
    fn is_at_work(&self, path: &str, pass: &ScanPass<'_>) -> bool {
        self.jobs.contains_key(path)
            || pass
                .base
                .stat(Path::new(path))
                .is_ok_and(|identity| pass.is_recent(&identity))
    }

    /// Watches a folder that has no watch yet.
    fn follow(&mut self, path: &str, interest: Interest, pass: &mut ScanPass<'_>) {
        let stamp = folder::stamp(&pass.base, path);
        let folder = self.folders.entry(path.to_owned()).or_default();
        let is_another = folder.stamp.map(|known| known.inode) != stamp.map(|now| now.inode);
        if is_another && let Some(watch) = folder.watch.take() {
            pass.context.watcher.remove(watch);
        }
        **folder = Folder {
            watch: folder.watch,
            wanted: stamp.is_some(),
            stamp,
        };
        if folder.wanted && folder.watch.is_none() {
            folder.watch = pass.context.watcher.add(&self.home.join(path), interest);
            pass.outcome
                .watches
                .extend(folder.watch.map(|watch| (watch, path.to_owned())));
        }
    }

    fn look_at_job(&mut self, path: &str, pass: &mut ScanPass<'_>) {
        let mut entry = self.jobs.remove(path).unwrap_or_default();
        let read = self.files.read_job;
        match pass.read(path, &mut entry.document, |bytes| read(bytes, &pass.context.cleaner)) {
            Content::New(file) => {
                entry.file = file;
                if entry.document.digest != entry.reported {
                    self.report_job(path, &entry, pass);
                    entry.reported.clone_from(&entry.document.digest);
                }
                self.checkpoint(path, entry.document.checkpoint(), pass);
            }
            Content::Known => {}
            Content::Absent => {
                self.checkpoint(path, SourceCheckpoint::default(), pass);
                return;
            }
        }
        self.jobs.insert(path.to_owned(), entry);
    }

    /// A job that ended. One that goes on is spoken for by its process.
    fn report_job(&self, path: &str, entry: &JobEntry, pass: &mut ScanPass<'_>) {
        let first_sight = entry.reported.is_empty();
        let Some(job) = &entry.file else { return };
        let Some((status, reason)) = job.ended.clone() else {
            return;
        };
        let id = path.rsplit('/').nth(1).unwrap_or_default();
        let said = LastReport {
            session: job.session.clone(),
            directory: job.directory.clone(),
            report: ProcessReported {
                process: format!("job-{id}"),
                status,
                reason: Some(reason),
                since: job.since,
                ..ProcessReported::default()
            },
            seen: false,
        };
        self.report(path, &said, (&entry.document, first_sight), pass);
    }

    fn look_at_process(&mut self, path: &str, pass: &mut ScanPass<'_>) {
        let mut entry = self.processes.remove(path).unwrap_or_else(|| ProcessEntry {
            first_sight: true,
            ..ProcessEntry::default()
        });
        let read = self.files.read_process;
        match pass.read(path, &mut entry.document, |bytes| read(bytes, &pass.context.cleaner)) {
            Content::New(file) => entry.file = file,
            Content::Known => {}
            Content::Absent if !std::mem::replace(&mut entry.absent_once, true) => {
                pass.look_again(GRACE);
                self.processes.insert(path.to_owned(), entry);
                return;
            }
            Content::Absent => {
                self.leave(path, &entry, "The agent's process ended", pass);
                self.checkpoint(path, SourceCheckpoint::default(), pass);
                return;
            }
        }
        entry.absent_once = false;
        self.judge(path, &mut entry, pass);
        self.processes.insert(path.to_owned(), entry);
    }

    /// What a process is doing, or that it is gone.
    fn judge(&self, path: &str, entry: &mut ProcessEntry, pass: &mut ScanPass<'_>) {
        let Some(file) = &entry.file else { return };
        if pass.may_be_passing(file) {
            return pass.look_again(GRACE);
        }
        let first_sight = std::mem::take(&mut entry.first_sight);
        let process = format!("{}@{}", file.pid, file.started.as_deref().unwrap_or_default());
        let known = entry.said.as_ref().filter(|said| said.report.process == process);
        let proof = Proof {
            was_seen: known.is_some_and(|said| said.seen),
            remote: pass.base.file_system() == FileSystem::Remote,
        };
        let presence = alive::presence(file, self.domain.as_deref(), proof);
        let report = match presence {
            Presence::Alive => ProcessReported {
                process,
                status: file.status,
                waiting_for: file.waiting_for,
                reason: self.needs_of(file).or(file.reason.clone()),
                since: file.since,
                attended: file.attended,
            },
            Presence::Gone => ProcessReported {
                process,
                status: ProcessStatus::Crashed,
                reason: Some(format!("The agent's process {} is gone without having ended", file.pid)),
                ..ProcessReported::default()
            },
            Presence::Unknown => return,
        };
        if presence == Presence::Alive {
            // It says nothing when it is killed: it has to be looked for.
            pass.look_again(LOOK);
        } else if first_sight && !pass.is_recent(&entry.document.identity) {
            return;
        }
        let said = LastReport {
            session: file.session.clone(),
            directory: file.directory.clone(),
            seen: proof.was_seen || presence == Presence::Alive,
            report,
        };
        if entry.said.as_ref() == Some(&said) {
            return;
        }
        if entry.said.as_ref().is_some_and(|before| !before.is_of(&said)) {
            self.leave(path, entry, "The agent's process went on to another session", pass);
        }
        self.report(path, &said, (&entry.document, first_sight), pass);
        let mut checkpoint = entry.document.checkpoint();
        checkpoint.state = serde_json::to_string(&said).unwrap_or_default();
        entry.said = Some(said);
        self.checkpoint(path, checkpoint, pass);
    }

    /// What the background job of a process needs from a person: more than the process says itself.
    fn needs_of(&self, file: &ProcessFile) -> Option<String> {
        let job = file.job.as_ref().filter(|_| file.status == ProcessStatus::Waiting)?;
        let path = folder::join(&folder::join(self.files.jobs, job), self.files.job);
        self.jobs.get(&path)?.file.as_ref()?.needs.clone()
    }

    /// The process that a file told of is no longer that of the session.
    fn leave(&self, path: &str, entry: &ProcessEntry, reason: &str, pass: &mut ScanPass<'_>) {
        let Some(before) = entry.said.as_ref().filter(|said| said.report.status.is_alive()) else {
            return;
        };
        let mut said = before.clone();
        said.report = ProcessReported {
            process: said.report.process,
            status: ProcessStatus::Exited,
            reason: Some(reason.to_owned()),
            ..ProcessReported::default()
        };
        self.report(path, &said, (&entry.document, false), pass);
    }

    fn report(
        &self,
        path: &str,
        said: &LastReport,
        (document, first_sight): (&Document, bool),
        pass: &mut ScanPass<'_>,
    ) {
        let subject = Subject {
            transcript: Some(said.session.clone()),
            directory: said.directory.clone(),
            ..Subject::default()
        };
        let origin = Origin {
            kind: SourceKind::Process,
            path: Some(self.key(path)),
            first_sight,
            modified_at: Some(facts::modified(&document.identity, pass.now)),
        };
        let fact = Fact::ProcessReported(said.report.clone());
        pass.outcome
            .batch
            .events
            .push(facts::event(&subject, pass.now, &origin, fact));
    }

    fn checkpoint(&self, path: &str, checkpoint: SourceCheckpoint, pass: &mut ScanPass<'_>) {
        pass.outcome
            .batch
            .checkpoints
            .push((SourceKey(self.key(path)), checkpoint));
    }

    /// The absolute path as text.
    fn key(&self, path: &str) -> String {
        folder::join(&self.home.to_string_lossy(), path)
    }
}

impl LastReport {
    /// Whether both are about the same process and session.
    fn is_of(&self, other: &Self) -> bool {
        self.report.process == other.report.process && self.session == other.session
    }
}

impl Source for Processes {
    fn work(&mut self, _: &Work, context: &Context) -> Outcome {
        let Ok(base) = Base::open(&self.home) else {
            // What becomes of a home that is away is said by the transcripts in it.
            folder::leave(&mut self.folders, &context.watcher);
            return Outcome::default();
        };
        let mut pass = ScanPass {
            context,
            base,
            now: context.clock.now(),
            outcome: Outcome {
                looks: 1,
                ..Outcome::default()
            },
        };
        self.scan(&mut pass);
        pass.outcome
    }

    fn status(&self) -> Status {
        Status {
            unwatched: folder::unwatched(&self.folders),
            // Nothing notifies of the end of a process.
            is_covered: false,
            ..Status::default()
        }
    }

    fn forget_watch(&mut self, watch: WatchId) {
        folder::forget_watch(&mut self.folders, watch);
    }
}

/// What a look at a file gave.
enum Content<T> {
    /// New content, read whole.
    New(T),
    /// Nothing new, or nothing that can be used.
    Known,
    /// There is no such file.
    Absent,
}

impl ScanPass<'_> {
    /// Reads a file if it differs. One that cannot be used is read again in a moment, a few times;
    /// then what was known before stands, and nothing is said: these files are the agent's own
    /// business and of many versions.
    fn read<T>(
        &mut self,
        path: &str,
        document: &mut Document,
        decode: impl FnOnce(&[u8]) -> Result<T, Unparsable>,
    ) -> Content<T> {
        let again = document.attempts > 0;
        match document.read(&self.base, Path::new(path), MAX_BYTES, again) {
            Ok(Reading::Fresh { bytes, digest, torn }) => {
                self.outcome.reads += 1;
                self.outcome.bytes += document.identity.size;
                match decode(&bytes) {
                    Ok(file) if !torn => {
                        document.digest = digest;
                        document.attempts = 0;
                        return Content::New(file);
                    }
                    _ if document.attempts < RETRIES => {
                        document.attempts += 1;
                        self.look_again(RETRY);
                    }
                    _ => document.attempts = 0,
                }
                Content::Known
            }
            Ok(Reading::Unchanged | Reading::Same) => Content::Known,
            Err(error) if error.is_missing() => Content::Absent,
            Err(_) => Content::Known,
        }
    }

    fn look_again(&mut self, wait: Duration) {
        let before = self.outcome.recheck.unwrap_or(wait);
        self.outcome.recheck = Some(before.min(wait));
    }

    /// Whether a process has just begun to do nothing. Before and after what it does without a
    /// terminal it says so for some milliseconds: told at once, that would call a person for nothing.
    fn may_be_passing(&self, file: &ProcessFile) -> bool {
        let does_nothing = matches!(file.status, ProcessStatus::Idle | ProcessStatus::Alive);
        let begun = file.since.filter(|since| *since <= self.now);
        does_nothing && begun.is_some_and(|begun| u128::from(self.now.millis_since(begun)) < GRACE.as_millis())
    }

    /// Whether a file was changed within the time after which a transcript is an archive.
    fn is_recent(&self, identity: &FileIdentity) -> bool {
        self.now.millis_since(facts::modified(identity, self.now)) < self.context.archive_after_ms
    }
}
