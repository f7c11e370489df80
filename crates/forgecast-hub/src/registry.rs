//! Decides which session a fact belongs to: names, folders and transcripts on one side, session ids on the other.
//!
//! An id is made once and never reused, and no fact moves to another run. A bare name means the newest run of that name.
//! A transcript is bound to the build whose folder (or a folder above it) its agent was started in while the build was at
//! work, otherwise to an agent session of its own that has the transcript's name. It stays bound until that build is over
//! and another one is at work there. A wrapped command is bound to a run of its own: its session is one of the
//! folder's, but not the one that facts without a name belong to, and agents that begin in the folder meanwhile belong to
//! it unless a build is at work there. The registry knows no state of a session except whether it is over and when it was
//! at work.

mod places;
mod retired;
mod span;
mod transcripts;

use std::collections::HashMap;

use forgecast_protocol::{SessionId, SessionName, SessionRef, SessionRow, Subject, Timestamp};
use forgecast_session::Limits;
use forgecast_store::StoredSession;
use litemap::LiteMap;

use crate::counters::Reason;
use crate::slug::{Named, slug_in};

use places::Places;
pub(crate) use places::Producer;
use retired::RetiredNames;
pub(crate) use span::Span;
pub(crate) use transcripts::Binding;
use transcripts::TranscriptBindings;

/// Bindings of transcripts outlive their sessions. There may be so many times more of them.
const BINDINGS_PER_SESSION: usize = 5;

/// All runs of one name.
#[derive(Clone, Debug, Default)]
struct SessionFamily {
    /// The name as a producer or a folder gave it.
    name: String,
    directory: Option<String>,
    /// Whether a producer gave the name (otherwise it is the folder's).
    named: bool,
    /// Whether it is nothing but an agent's transcript. Its folder's facts do not belong to it then.
    is_agent: bool,
    /// Whether its runs are wrapped commands. The folder's facts do not belong to it then.
    is_command: bool,
    /// Number of the newest run there ever was. It never shrinks, also when runs are removed.
    newest: u32,
    /// Never empty: a name leaves with its last run.
    runs: LiteMap<u32, Run>,
}

#[derive(Clone, Debug)]
struct Run {
    over: bool,
    /// It had left memory and is here only because somebody looks at it: facts with a bare name are not meant for it.
    recalled: bool,
    created_at: Timestamp,
    /// When it was at work.
    span: Span,
    /// Whose place it takes while it is unfinished.
    producer: Producer,
    unfinished: bool,
}

impl SessionFamily {
    /// Whether an agent at work within `agent` belongs to a run of this family: beside a build, or begun within a command.
    fn holds(&self, run: Span, agent: Span) -> bool {
        run.overlaps(agent) && (!self.is_command || run.began <= agent.began)
    }
}

impl Run {
    fn at(created_at: Timestamp, producer: Producer) -> Self {
        Self {
            over: false,
            recalled: false,
            created_at,
            span: Span::at(created_at),
            producer,
            unfinished: true,
        }
    }
}

/// The sessions of one folder.
#[derive(Clone, Debug, Default)]
struct FolderSessions {
    /// The one that facts without a name belong to.
    current: Option<SessionName>,
    slugs: Vec<SessionName>,
}

/// The session that a subject means, as found without changing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: SessionId,
    /// The subject names this very run or its transcript: its facts cannot begin a new run.
    pub(crate) explicit: bool,
    /// [`Registry::resolve`] would change nothing and give the same id.
    pub(crate) settled: bool,
}

/// The session that a fact belongs to, made if it was new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) id: SessionId,
    /// Whether the subject names this session, as in [`Found::explicit`].
    pub(crate) explicit: bool,
    /// It did not exist before.
    pub(crate) created: bool,
    /// What is known of the session changed (or it is new): that has to be stored before its facts.
    pub(crate) changed: bool,
    /// The subject's transcript was bound to it just now: that has to be stored, too.
    pub(crate) binds: bool,
}

impl Resolved {
    /// A session that was there already, with nothing to store.
    pub(crate) fn known(id: SessionId, explicit: bool) -> Self {
        Self {
            id,
            explicit,
            created: false,
            changed: false,
            binds: false,
        }
    }
}

/// All known names, runs, folders and transcripts.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    families: HashMap<SessionName, SessionFamily>,
    folders: HashMap<String, FolderSessions>,
    transcripts: TranscriptBindings,
    retired: RetiredNames,
    places: Places,
    generation: u64,
}

impl Registry {
    /// An empty registry for at most `limit` sessions.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            families: HashMap::new(),
            folders: HashMap::new(),
            transcripts: TranscriptBindings::default(),
            retired: RetiredNames::default(),
            places: Places::new(limit),
            generation: 0,
        }
    }

    /// Grows with every change after which a subject may mean another session: what was found under one generation
    /// holds as long as the generation is the same.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The places for sessions, and who has them.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// What all runs of a name share; made if it is new.
    fn family(&mut self, slug: &SessionName) -> &mut SessionFamily {
        self.generation += 1;
        let retired = &self.retired;
        self.families.entry(slug.clone()).or_insert_with(|| SessionFamily {
            name: slug.to_string(),
            newest: retired.newest(slug),
            // Nearly every name has one.
            runs: LiteMap::with_capacity(1),
            ..SessionFamily::default()
        })
    }

    /// A name of which sessions were removed: no run gets this number or a lower one.
    pub(crate) fn retire(&mut self, name: &SessionName, newest: u32) {
        self.retired.add(name, newest);
    }

    /// The number of the newest run that there ever was of this name; 0 when there was none.
    pub(crate) fn newest_run(&self, name: &SessionName) -> u32 {
        let known = self.families.get(name).map_or(0, |family| family.newest);
        known.max(self.retired.newest(name))
    }

    fn run(&self, id: &SessionId) -> Option<&Run> {
        self.families.get(id.name())?.runs.get(&id.run())
    }

    fn run_mut(&mut self, id: &SessionId) -> Option<&mut Run> {
        self.generation += 1;
        self.families.get_mut(id.name())?.runs.get_mut(&id.run())
    }

    /// Whether there is this very run.
    pub(crate) fn has(&self, id: &SessionId) -> bool {
        self.run(id).is_some()
    }

    /// The run that a person or a producer means.
    pub(crate) fn find(&self, session: &SessionRef) -> Option<SessionId> {
        match session {
            SessionRef::Run(id) => self.has(id).then(|| id.clone()),
            SessionRef::Newest(name) => self.newest(name),
        }
    }

    /// The newest run of a name. The bare name does not mean one that was recalled: had that not left memory, it would not
    /// be the newest one either.
    fn newest(&self, name: &SessionName) -> Option<SessionId> {
        let runs = self.families.get(name)?.runs.iter();
        let (run, _) = runs.rev().find(|(_, run)| !run.recalled)?;
        Some(name.run(*run))
    }

    /// The folder of a session.
    pub(crate) fn directory(&self, id: &SessionId) -> Option<&str> {
        self.families.get(id.name())?.directory.as_deref()
    }

    /// When a session was first seen.
    pub(crate) fn created_at(&self, id: &SessionId) -> Option<Timestamp> {
        Some(self.run(id)?.created_at)
    }

    /// What the store has to know of a session.
    pub(crate) fn stored(&self, id: &SessionId) -> Option<StoredSession> {
        let family = self.families.get(id.name())?;
        Some(StoredSession {
            id: id.clone(),
            name: family.name.clone(),
            directory: family.directory.clone(),
            named: family.named,
            created_at: family.runs.get(&id.run())?.created_at,
            pushed_by: family.runs.get(&id.run())?.producer.pushed_by().map(str::to_owned),
        })
    }

    /// The session that a subject means if it exists already. `span` is when what is reported took place: it decides
    /// for transcripts only.
    pub(crate) fn lookup(&self, subject: &Subject, span: Span) -> Option<Found> {
        let directory = subject.directory.as_deref();
        if let Some(run @ SessionRef::Run(_)) = &subject.session {
            let id = self.find(run)?;
            let folder = self.directory(&id);
            let is_of_another_folder = folder.zip(directory).is_some_and(|(folder, other)| folder != other);
            return Some(Found {
                id,
                explicit: true,
                settled: !is_of_another_folder,
            });
        }
        if let Some(transcript) = &subject.transcript {
            return self.lookup_transcript(transcript, directory, span);
        }
        if let Some(command) = &subject.command {
            return self.bound(command).map(|binding| Found {
                id: binding.session.clone(),
                explicit: true,
                settled: true,
            });
        }
        let named = Named::of(subject);
        let (slug, settled) = match (&named, directory) {
            (None, None) => return None,
            (Some(named), None) => (named.slug.clone(), true),
            (None, Some(directory)) => (self.folders.get(directory)?.current.clone()?, true),
            (Some(named), Some(directory)) => match self.of_folder(directory, named) {
                Some(slug) => {
                    let is_current = |folder: &FolderSessions| {
                        folder.current.as_ref() == Some(&slug) && folder.slugs.contains(&slug)
                    };
                    let is_current = self.folders.get(directory).is_some_and(is_current);
                    let is_named = self.families.get(&slug).is_some_and(|family| family.named);
                    (slug, is_current && is_named)
                }
                None if self.awaits_folder(&named.slug) => (named.slug.clone(), false),
                None => return None,
            },
        };
        Some(Found {
            id: self.newest(&slug)?,
            explicit: false,
            settled,
        })
    }

    fn lookup_transcript(&self, transcript: &SessionName, directory: Option<&str>, span: Span) -> Option<Found> {
        let (id, settled) = match self.bound(transcript) {
            Some(binding) => match self.successor(binding, directory, span) {
                Some(successor) => (successor, false),
                None => {
                    let learns_folder = binding.directory.is_none() && directory.is_some();
                    (binding.session.clone(), !learns_folder)
                }
            },
            None => {
                let build = directory.and_then(|directory| self.build_at(directory, span));
                (build.or_else(|| self.newest(transcript))?, false)
            }
        };
        Some(Found {
            id,
            explicit: true,
            settled,
        })
    }

    /// The session that a subject means, made at `at` by a producer if it is new. `span` is when what is reported took place.
    pub(crate) fn resolve(
        &mut self,
        subject: &Subject,
        span: Span,
        at: Timestamp,
        producer: &Producer,
    ) -> Result<Resolved, Reason> {
        let by = (producer, at);
        let found = self.lookup(subject, span);
        if let Some(Found { id, explicit, .. }) = found.as_ref().filter(|found| found.settled) {
            return Ok(Resolved::known(id.clone(), *explicit));
        }
        let directory = subject.directory.as_deref();
        match (&subject.session, &subject.transcript, found) {
            (Some(SessionRef::Run(_)), _, Some(_)) => Err(Reason::Conflict),
            (Some(SessionRef::Run(_)), _, None) => Err(Reason::UnknownRun),
            (_, Some(transcript), found) => self.resolve_transcript(transcript, found, directory, span, by),
            (_, None, None) if subject.command.is_some() => self.begin_command(subject, by),
            (_, None, found) => match (Named::of(subject), directory) {
                (None, None) => Err(Reason::NoSession),
                (Some(named), None) => self.create(named, None, true, by),
                (None, Some(directory)) => self.create(Named::by_folder(directory), Some(directory), false, by),
                (Some(named), Some(directory)) => match found {
                    Some(found) => Ok(self.join(found.id, named, directory)),
                    None => self.create(named, Some(directory), true, by),
                },
            },
        }
    }

    /// A session becomes the current one of a folder, under a name.
    fn join(&mut self, id: SessionId, named: Named, directory: &str) -> Resolved {
        let slug = id.name().clone();
        let joins = self.of_folder(directory, &named).is_none();
        self.join_folder(directory, &slug);
        let family = self.family(&slug);
        let is_renamed = !family.named;
        if is_renamed {
            family.named = true;
            family.name = named.name;
        }
        if joins {
            family.directory = Some(directory.to_owned());
        }
        Resolved {
            changed: is_renamed || joins,
            ..Resolved::known(id, false)
        }
    }

    /// The folder's session of that name; otherwise its current one, as long as nobody gave that one a name.
    fn of_folder(&self, directory: &str, named: &Named) -> Option<SessionName> {
        let folder = self.folders.get(directory)?;
        let has_name = |slug: &&SessionName| {
            let family = self.families.get(*slug).filter(|family| !family.is_command);
            family.is_some_and(|family| **slug == named.slug || family.name == named.name)
        };
        let is_unnamed = |slug: &&SessionName| self.families.get(*slug).is_some_and(|family| !family.named);
        let of_that_name = folder.slugs.iter().find(has_name);
        of_that_name
            .or_else(|| folder.current.as_ref().filter(is_unnamed))
            .filter(|slug| self.newest(slug).is_some())
            .cloned()
    }

    /// Whether the newest run of this name belongs to no folder and is not over.
    fn awaits_folder(&self, slug: &SessionName) -> bool {
        self.families.get(slug).is_some_and(|family| {
            let newest = family.runs.values().rev().find(|run| !run.recalled);
            family.directory.is_none() && !family.is_command && newest.is_some_and(|run| !run.over)
        })
    }

    fn join_folder(&mut self, directory: &str, slug: &SessionName) {
        self.generation += 1;
        let is_command = self.families.get(slug).is_some_and(|family| family.is_command);
        let folder = self.folders.entry(directory.to_owned()).or_default();
        if !folder.slugs.contains(slug) {
            folder.slugs.push(slug.clone());
        }
        if !is_command {
            folder.current = Some(slug.clone());
        }
    }

    /// A folder has another path: everything that is known of it is known of the new one. Returns the sessions whose
    /// folder it is.
    pub(crate) fn move_folder(&mut self, from: &str, to: &str) -> Vec<SessionId> {
        let Some(moved) = self.folders.remove(from) else {
            return Vec::new();
        };
        self.generation += 1;
        let mut sessions = Vec::new();
        for slug in &moved.slugs {
            let Some(family) = self.families.get_mut(slug) else {
                continue;
            };
            family.directory = Some(to.to_owned());
            if !family.named {
                family.name = Named::by_folder(to).name;
            }
            sessions.extend(family.runs.keys().map(|run| slug.run(*run)));
        }
        let folder = self.folders.entry(to.to_owned()).or_default();
        folder.slugs.extend(moved.slugs);
        folder.current = moved.current.or(folder.current.take());
        sessions
    }

    fn create(
        &mut self,
        wanted: Named,
        directory: Option<&str>,
        named: bool,
        by: (&Producer, Timestamp),
    ) -> Result<Resolved, Reason> {
        self.places.check(by.0)?;
        let slug = self.free_slug(&wanted.slug, directory, false);
        if let Some(directory) = directory {
            self.join_folder(directory, &slug);
        }
        let family = self.family(&slug);
        family.name = wanted.name;
        family.named = named;
        family.directory = directory.map(str::to_owned);
        Ok(self.add_run(&slug, by))
    }

    /// A run for a wrapped command that was not known before, and its binding.
    fn begin_command(&mut self, subject: &Subject, by: (&Producer, Timestamp)) -> Result<Resolved, Reason> {
        self.places.check(by.0)?;
        let directory = subject.directory.as_deref();
        let named = Named::of(subject).or_else(|| directory.map(Named::by_folder));
        let (Some(named), Some(command)) = (named, &subject.command) else {
            return Err(Reason::NoSession);
        };
        let slug = self.free_slug(&named.slug, directory, true);
        let family = self.family(&slug);
        family.name = named.name;
        family.named = true;
        family.is_command = true;
        family.directory = directory.map(str::to_owned);
        if let Some(directory) = directory {
            self.join_folder(directory, &slug);
        }
        let resolved = Resolved {
            explicit: true,
            binds: true,
            ..self.add_run(&slug, by)
        };
        let binding = Binding {
            session: resolved.id.clone(),
            directory: subject.directory.clone(),
        };
        self.restore_transcript(command, binding);
        Ok(resolved)
    }

    /// The wanted slug unless another folder has it, or a build where a command is wanted, or the other way round.
    fn free_slug(&self, wanted: &SessionName, directory: Option<&str>, is_command: bool) -> SessionName {
        let Some(directory) = directory else {
            return wanted.clone();
        };
        let is_free = |slug: &SessionName| {
            self.families.get(slug).is_none_or(|family| {
                let folder = family.directory.as_deref();
                folder.is_none_or(|folder| folder == directory) && family.is_command == is_command
            })
        };
        std::iter::once(wanted.clone())
            .chain([6, 12, 24, 64].map(|digits| slug_in(wanted, directory, digits)))
            .find(is_free)
            .unwrap_or_else(|| slug_in(wanted, directory, 64))
    }

    /// The next run of the same name and folder.
    pub(crate) fn new_run(&mut self, of: &SessionId, at: Timestamp, producer: &Producer) -> Result<Resolved, Reason> {
        self.places.check(producer)?;
        Ok(self.add_run(of.name(), (producer, at)))
    }

    fn add_run(&mut self, slug: &SessionName, (producer, at): (&Producer, Timestamp)) -> Resolved {
        let family = self.family(slug);
        family.newest = family.newest.saturating_add(1);
        let run = family.newest;
        family.runs.insert(run, Run::at(at, producer.clone()));
        self.places.take(producer);
        Resolved {
            created: true,
            changed: true,
            ..Resolved::known(slug.run(run), false)
        }
    }

    /// The session that was in the same folder before this one: the run before, otherwise the newest of another name.
    pub(crate) fn before(&self, id: &SessionId) -> Option<SessionId> {
        let family = self.families.get(id.name())?;
        let earlier = family.runs.keys().rev().find(|run| **run < id.run());
        let in_folder = || {
            let slugs = &self.folders.get(family.directory.as_ref()?)?.slugs;
            slugs
                .iter()
                .rev()
                .filter(|slug| *slug != id.name())
                .find_map(|slug| self.newest(slug))
        };
        earlier.map(|run| id.name().run(*run)).or_else(in_folder)
    }

    /// Removes a session; its number stays used. The name goes with its last run. Returns whether there was one.
    pub(crate) fn remove(&mut self, id: &SessionId) -> bool {
        let Some(family) = self.families.get_mut(id.name()) else {
            return false;
        };
        let Some(run) = family.runs.remove(&id.run()) else {
            return false;
        };
        self.places.leave(&run.producer, run.unfinished);
        self.generation += 1;
        if !family.runs.is_empty() {
            return true;
        }
        if let Some(family) = self.families.remove(id.name()) {
            self.retired.add(id.name(), family.newest);
            self.leave_folder(id.name(), &family);
        }
        true
    }

    /// A name goes from the folder that it was used in.
    fn leave_folder(&mut self, slug: &SessionName, family: &SessionFamily) {
        let Some(directory) = &family.directory else {
            return;
        };
        if family.is_agent {
            self.transcripts.remove_agent_session(directory, slug);
            return;
        }
        let Some(folder) = self.folders.get_mut(directory) else {
            return;
        };
        folder.slugs.retain(|known| known != slug);
        if folder.current.as_ref() == Some(slug) {
            let is_build = |slug: &&SessionName| self.families.get(*slug).is_some_and(|family| !family.is_command);
            folder.current = folder.slugs.iter().rev().find(is_build).cloned();
        }
        if folder.slugs.is_empty() {
            self.folders.remove(directory);
        }
    }

    /// Adds a session that the store knows. The sessions come oldest first, so that the newest of a folder becomes its
    /// current one.
    pub(crate) fn restore(&mut self, session: &StoredSession, row: Option<&SessionRow>, limits: &Limits) {
        self.admit(session, row, limits, false);
        let slug = session.id.name();
        match &session.directory {
            Some(directory) if self.transcripts.get(slug).is_some() => {
                self.transcripts.add_agent_session(directory, slug);
            }
            Some(directory) => self.join_folder(directory, slug),
            None => {}
        }
    }

    /// A session that had left memory is looked at: it is known by its id again, and neither its folder nor its name mean
    /// it. Nothing changes when it is known.
    pub(crate) fn recall(&mut self, session: &StoredSession, row: Option<&SessionRow>, limits: &Limits) {
        if !self.has(&session.id) {
            self.admit(session, row, limits, true);
        }
    }

    fn admit(&mut self, session: &StoredSession, row: Option<&SessionRow>, limits: &Limits, recalled: bool) {
        let (slug, number) = (session.id.name(), session.id.run());
        let is_agent = self.transcripts.get(slug).is_some();
        let is_command = self.transcripts.is_command(&session.id);
        let is_new = !self.families.contains_key(slug);
        let producer = Producer::of(session.pushed_by.as_deref());
        let run = Run {
            recalled,
            ..Run::at(session.created_at, producer.clone())
        };
        let family = self.family(slug);
        family.is_agent = is_agent;
        family.is_command |= is_command;
        // The newest run says what the name stands for.
        if is_new || (!recalled && number >= family.newest) {
            family.name.clone_from(&session.name);
            family.named = session.named;
            if session.directory.is_some() {
                family.directory.clone_from(&session.directory);
            }
        }
        family.newest = family.newest.max(number);
        if let Some(before) = family.runs.insert(number, run) {
            self.places.leave(&before.producer, before.unfinished);
        }
        self.places.take(&producer);
        if let Some(row) = row {
            self.set_state(row, limits);
        }
    }

    /// Learns from a session's row whether it is over and when it was at work.
    pub(crate) fn set_state(&mut self, row: &SessionRow, limits: &Limits) {
        let is_agent = self.is_agent(&row.id);
        let Some(run) = self.run_mut(&row.id) else {
            return;
        };
        run.over = row.status.is_final();
        run.span = Span::of_row(row, run.created_at, is_agent, limits);
        let before = std::mem::replace(&mut run.unfinished, row.status.is_active());
        let (producer, unfinished) = (run.producer.clone(), run.unfinished);
        self.places.set_unfinished(&producer, before, unfinished);
    }

    /// Adds a binding that the store knows. All bindings come before the sessions.
    pub(crate) fn restore_transcript(&mut self, transcript: &SessionName, binding: Binding) {
        self.generation += 1;
        let limit = self.places.limit().saturating_mul(BINDINGS_PER_SESSION);
        self.transcripts.set(transcript, binding, limit);
    }

    /// Bindings that were dropped because there were too many.
    pub(crate) fn transcripts_evicted(&self) -> u64 {
        self.transcripts.evicted
    }

    /// The session that a transcript is bound to, if it still exists.
    pub(crate) fn bound(&self, transcript: &SessionName) -> Option<&Binding> {
        let binding = self.transcripts.get(transcript)?;
        self.has(&binding.session).then_some(binding)
    }

    /// The build that went on in the transcript's folder when the one that it is bound to was over.
    fn successor(&self, binding: &Binding, directory: Option<&str>, span: Span) -> Option<SessionId> {
        let bound = self.run(&binding.session)?;
        if self.is_agent(&binding.session) || !bound.over {
            return None;
        }
        let build = self.build_at(directory.or(binding.directory.as_deref())?, span)?;
        let is_later = self.run(&build)?.span.began > bound.span.until;
        is_later.then_some(build)
    }

    /// Whether the session is nothing but an agent's transcript.
    fn is_agent(&self, id: &SessionId) -> bool {
        self.families.get(id.name()).is_some_and(|family| family.is_agent)
    }

    /// When an agent session began; `None` for a build.
    pub(crate) fn agent_session_began(&self, id: &SessionId) -> Option<Timestamp> {
        let family = self.families.get(id.name()).filter(|family| family.is_agent)?;
        Some(family.runs.get(&id.run())?.span.began)
    }

    /// The build that was at work in this folder at the time, else the command within which it began; otherwise those of
    /// the nearest folder above it.
    fn build_at(&self, directory: &str, span: Span) -> Option<SessionId> {
        std::path::Path::new(directory)
            .ancestors()
            .filter_map(|folder| self.folders.get(folder.to_str()?))
            .find_map(|folder| {
                let families = folder.slugs.iter();
                let families = families.filter_map(|slug| Some((slug, self.families.get(slug)?)));
                families
                    .flat_map(|(slug, family)| {
                        family
                            .runs
                            .iter()
                            .map(move |(number, run)| (slug, family, *number, run))
                    })
                    .filter(|(_, family, _, run)| family.holds(run.span, span))
                    .max_by_key(|(_, family, number, run)| (!family.is_command, run.span.began, *number))
                    .map(|(slug, _, number, _)| slug.run(number))
            })
    }

    /// Binds a transcript to the session that was found for it, or to an agent session that is made for it.
    fn resolve_transcript(
        &mut self,
        transcript: &SessionName,
        found: Option<Found>,
        directory: Option<&str>,
        span: Span,
        by: (&Producer, Timestamp),
    ) -> Result<Resolved, Reason> {
        let mut resolved = match found {
            Some(Found { id, .. }) => Resolved {
                changed: self.bound(transcript).is_some() && self.place_agent_session(&id, directory),
                ..Resolved::known(id, true)
            },
            None => self.create_agent_session(transcript, directory, span, by)?,
        };
        (resolved.explicit, resolved.binds) = (true, true);
        let known = self.transcripts.get(transcript);
        let known = known.and_then(|before| before.directory.clone());
        let binding = Binding {
            session: resolved.id.clone(),
            directory: directory.map(str::to_owned).or(known),
        };
        self.restore_transcript(transcript, binding);
        Ok(resolved)
    }

    /// Gives an agent session its folder. Returns whether it had none.
    fn place_agent_session(&mut self, id: &SessionId, directory: Option<&str>) -> bool {
        let (Some(family), Some(directory)) = (self.families.get_mut(id.name()), directory) else {
            return false;
        };
        if !family.is_agent || family.directory.is_some() {
            return false;
        }
        family.directory = Some(directory.to_owned());
        self.transcripts.add_agent_session(directory, id.name());
        true
    }

    fn create_agent_session(
        &mut self,
        transcript: &SessionName,
        directory: Option<&str>,
        span: Span,
        by: (&Producer, Timestamp),
    ) -> Result<Resolved, Reason> {
        self.places.check(by.0)?;
        let family = self.family(transcript);
        family.name = transcript.to_string();
        family.named = true;
        family.is_agent = true;
        family.directory = None;
        let resolved = self.add_run(transcript, by);
        self.place_agent_session(&resolved.id, directory);
        if let Some(run) = self.run_mut(&resolved.id) {
            run.span = span;
        }
        Ok(resolved)
    }

    /// The agent sessions at work in the folder of this build, or below it: they belong to it. `told` is when the build was
    /// at work, where its producer says so: then also those belong to it that are over by now. A command always says so.
    pub(crate) fn agent_sessions_of(&self, build: &SessionId, told: Option<Span>) -> Vec<SessionId> {
        let Some((family, run)) = self.families.get(build.name()).zip(self.run(build)) else {
            return Vec::new();
        };
        let Some(directory) = family.directory.as_deref().filter(|_| !family.is_agent) else {
            return Vec::new();
        };
        let agents = self.transcripts.agent_sessions_below(directory);
        let newest = agents.filter_map(|slug| self.newest(slug));
        let is_told = told.is_some() || family.is_command;
        let belongs = |id: &SessionId| {
            let agent = self.run(id).filter(|agent| is_told || !agent.over);
            agent.is_some_and(|agent| family.holds(told.unwrap_or(run.span), agent.span))
        };
        newest.filter(belongs).collect()
    }

    /// The build that an agent session at work belongs to by now, if there is one.
    pub(crate) fn build_of(&self, agent: &SessionId) -> Option<SessionId> {
        let family = self.families.get(agent.name()).filter(|family| family.is_agent)?;
        let run = family.runs.get(&agent.run()).filter(|run| !run.over)?;
        self.build_at(family.directory.as_deref()?, run.span)
    }

    /// All agent sessions at work that belong to a build by now, each with the build.
    pub(crate) fn mergeable(&self) -> Vec<(SessionId, SessionId)> {
        let agents = self.transcripts.agent_sessions();
        let agents = agents.filter_map(|slug| self.newest(slug));
        agents
            .filter_map(|agent| self.build_of(&agent).map(|build| (agent, build)))
            .collect()
    }

    /// Binds everything that belonged to one session to another. Returns the bindings that changed.
    pub(crate) fn rebind(&mut self, from: &SessionId, to: &SessionId) -> Vec<(SessionName, Binding)> {
        self.generation += 1;
        self.transcripts.rebind(from, to)
    }

    /// Agent sessions whose transcripts belong to another session by now: they were merged into it.
    pub(crate) fn merged(&self) -> Vec<SessionId> {
        let bindings = self.transcripts.iter();
        let elsewhere = bindings.filter(|(transcript, binding)| binding.session.name() != *transcript);
        let agents = elsewhere.filter_map(|(transcript, _)| self.newest(transcript));
        agents.filter(|agent| self.is_agent(agent)).collect()
    }
}

#[cfg(test)]
mod tests;
