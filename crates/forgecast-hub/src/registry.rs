//! Whose session is a fact? Names and folders on one side, ids on the other. An id is made once, never reused, never
//! moved to another run; a bare name means the newest run. Knows no state of a session but whether it is over.

mod lines;
mod runs;
mod span;
mod transcripts;

use std::collections::{BTreeMap, HashMap};

use forgecast_protocol::{SessionId, SessionName, SessionRef, Subject, Timestamp};
use forgecast_store::StoredSession;

use crate::counters::Reason;
use crate::slug::{Named, slug_in};

pub(crate) use lines::Resolved;
use lines::{Folder, Line, Run, known};
pub(crate) use span::Span;
pub(crate) use transcripts::Binding;
use transcripts::Transcripts;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    lines: HashMap<SessionName, Line>,
    folders: HashMap<String, Folder>,
    transcripts: Transcripts,
    sessions: usize,
    limit: usize,
}

impl Registry {
    /// An empty registry for at most so many sessions.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            lines: HashMap::new(),
            folders: HashMap::new(),
            transcripts: Transcripts::default(),
            sessions: 0,
            limit,
        }
    }

    /// Whether one more would be too many.
    pub(crate) fn is_full(&self) -> bool {
        self.sessions >= self.limit || self.has_all_names()
    }

    /// Whether one less would make room for another.
    pub(crate) fn may_make_room(&self) -> bool {
        self.sessions >= self.limit && !self.has_all_names()
    }

    fn has_all_names(&self) -> bool {
        // Slugs outlive their sessions so that no id is reused; they are small, but not for nothing.
        self.lines.len() >= self.limit.saturating_mul(5)
    }

    /// What all runs of a slug share; made if it is new.
    fn line(&mut self, slug: &SessionName) -> &mut Line {
        self.lines.entry(slug.clone()).or_insert_with(|| Line {
            name: slug.to_string(),
            directory: None,
            named: false,
            own: false,
            newest: 0,
            runs: BTreeMap::new(),
        })
    }

    /// The run that a person or a producer means.
    pub(crate) fn find(&self, session: &SessionRef) -> Option<SessionId> {
        match session {
            SessionRef::Run(id) => self.has(id).then(|| id.clone()),
            SessionRef::Newest(name) => self.newest(name),
        }
    }

    fn newest(&self, name: &SessionName) -> Option<SessionId> {
        let (run, _) = self.lines.get(name)?.runs.last_key_value()?;
        Some(name.run(*run))
    }

    /// The folder of a session.
    pub(crate) fn directory(&self, id: &SessionId) -> Option<&str> {
        self.lines.get(id.name())?.directory.as_deref()
    }

    /// When a session was first seen.
    pub(crate) fn created_at(&self, id: &SessionId) -> Option<Timestamp> {
        Some(self.lines.get(id.name())?.runs.get(&id.run())?.created_at)
    }

    /// What the store has to know of a session.
    pub(crate) fn stored(&self, id: &SessionId) -> Option<StoredSession> {
        let line = self.lines.get(id.name())?;
        Some(StoredSession {
            id: id.clone(),
            name: line.name.clone(),
            directory: line.directory.clone(),
            named: line.named,
            created_at: line.runs.get(&id.run())?.created_at,
        })
    }

    /// The session that a subject means if it exists already; creates nothing. `span` is when what is said took place.
    pub(crate) fn peek(&self, subject: &Subject, span: Span) -> Option<SessionId> {
        if let Some(run @ SessionRef::Run(_)) = &subject.session {
            return self.find(run);
        }
        if let Some(transcript) = &subject.transcript {
            return self.home_of(transcript, subject.directory.as_deref(), span);
        }
        let named = Named::of(subject);
        let Some(directory) = &subject.directory else {
            return self.newest(&named?.slug);
        };
        let folder = self.folders.get(directory);
        let slug = match &named {
            None => folder?.current.clone(),
            Some(named) => folder
                .and_then(|folder| self.of_folder(folder, named))
                .or_else(|| Some(named.slug.clone()).filter(|slug| self.is_adoptable(slug))),
        };
        self.newest(&slug?)
    }

    /// The session that a subject means, made if it is new. `span` is when what is said took place.
    pub(crate) fn resolve(&mut self, subject: &Subject, span: Span, at: Timestamp) -> Result<Resolved, Reason> {
        match (&subject.session, &subject.transcript) {
            (Some(run @ SessionRef::Run(_)), _) => {
                let id = self.find(run).ok_or(Reason::UnknownRun)?;
                let own = self.directory(&id);
                if matches!((own, &subject.directory), (Some(own), Some(other)) if own != other) {
                    return Err(Reason::Conflict);
                }
                Ok(Resolved {
                    explicit: true,
                    ..known(id, false)
                })
            }
            (_, Some(transcript)) => self.resolve_transcript(transcript, subject.directory.as_deref(), span, at),
            _ => self.by_name_or_folder(Named::of(subject), subject.directory.as_deref(), at),
        }
    }

    fn by_name_or_folder(
        &mut self,
        named: Option<Named>,
        directory: Option<&str>,
        at: Timestamp,
    ) -> Result<Resolved, Reason> {
        match (named, directory) {
            (None, None) => Err(Reason::NoSession),
            (Some(named), None) => match self.newest(&named.slug) {
                Some(id) => Ok(known(id, false)),
                None => self.create(named, None, true, at),
            },
            (None, Some(directory)) => {
                let folder = self.folders.get(directory);
                let current = folder.and_then(|folder| folder.current.clone());
                match current.and_then(|slug| self.newest(&slug)) {
                    Some(id) => Ok(known(id, false)),
                    None => self.create(Named::by_folder(directory), Some(directory), false, at),
                }
            }
            (Some(named), Some(directory)) => self.by_name_in_folder(named, directory, at),
        }
    }

    fn by_name_in_folder(&mut self, named: Named, directory: &str, at: Timestamp) -> Result<Resolved, Reason> {
        let folder = self.folders.get(directory);
        if let Some(slug) = folder.and_then(|folder| self.of_folder(folder, &named))
            && let Some(id) = self.newest(&slug)
        {
            self.join_folder(directory, &slug);
            let changed = self.name_line(&slug, named.name);
            return Ok(known(id, changed));
        }
        if self.is_adoptable(&named.slug)
            && let Some(id) = self.newest(&named.slug)
        {
            self.join_folder(directory, &named.slug);
            self.name_line(&named.slug, named.name);
            if let Some(line) = self.lines.get_mut(&named.slug) {
                line.directory = Some(directory.to_owned());
            }
            return Ok(known(id, true));
        }
        self.create(named, Some(directory), true, at)
    }

    /// The folder's session of that name; else its current one, as long as nobody gave that one a name.
    fn of_folder(&self, folder: &Folder, named: &Named) -> Option<SessionName> {
        let has_name = |slug: &&SessionName| {
            let line = self.lines.get(*slug);
            **slug == named.slug || line.is_some_and(|line| line.name == named.name)
        };
        let of_that_name = folder.slugs.iter().find(has_name);
        let never_named = folder
            .current
            .iter()
            .find(|slug| self.lines.get(*slug).is_some_and(|line| !line.named));
        of_that_name
            .or(never_named)
            .filter(|slug| self.newest(slug).is_some())
            .cloned()
    }

    /// Whether the newest run of this name belongs to no folder and is not over.
    fn is_adoptable(&self, slug: &SessionName) -> bool {
        self.lines.get(slug).is_some_and(|line| {
            line.directory.is_none() && line.runs.last_key_value().is_some_and(|(_, run)| !run.over)
        })
    }

    fn name_line(&mut self, slug: &SessionName, name: String) -> bool {
        let Some(line) = self.lines.get_mut(slug) else {
            return false;
        };
        if line.named {
            return false;
        }
        line.named = true;
        line.name = name;
        true
    }

    fn join_folder(&mut self, directory: &str, slug: &SessionName) {
        let folder = self.folders.entry(directory.to_owned()).or_default();
        if !folder.slugs.contains(slug) {
            folder.slugs.push(slug.clone());
        }
        folder.current = Some(slug.clone());
    }

    fn create(
        &mut self,
        wanted: Named,
        directory: Option<&str>,
        named: bool,
        at: Timestamp,
    ) -> Result<Resolved, Reason> {
        if self.is_full() {
            return Err(Reason::TooManySessions);
        }
        let slug = self.free_slug(&wanted.slug, directory);
        if let Some(directory) = directory {
            self.join_folder(directory, &slug);
        }
        let line = self.line(&slug);
        line.name = wanted.name;
        line.named = named;
        line.directory = directory.map(str::to_owned);
        Ok(self.add_run(&slug, at))
    }

    /// The wanted slug unless another folder has it.
    fn free_slug(&self, wanted: &SessionName, directory: Option<&str>) -> SessionName {
        let is_free = |slug: &SessionName| {
            self.lines
                .get(slug)
                .is_none_or(|line| line.directory.is_none() || line.directory.as_deref() == directory)
        };
        let Some(directory) = directory else {
            return wanted.clone();
        };
        std::iter::once(wanted.clone())
            .chain([6, 12, 24, 64].map(|digits| slug_in(wanted, directory, digits)))
            .find(is_free)
            .unwrap_or_else(|| slug_in(wanted, directory, 64))
    }

    /// The next run of the same name and folder.
    pub(crate) fn new_run(&mut self, of: &SessionId, at: Timestamp) -> Result<Resolved, Reason> {
        if self.sessions >= self.limit {
            return Err(Reason::TooManySessions);
        }
        Ok(self.add_run(of.name(), at))
    }

    fn add_run(&mut self, slug: &SessionName, at: Timestamp) -> Resolved {
        let mut run = 1;
        if let Some(line) = self.lines.get_mut(slug) {
            line.newest = line.newest.saturating_add(1);
            run = line.newest;
            let state = Run {
                over: false,
                created_at: at,
                span: Span::at(at),
            };
            line.runs.insert(run, state);
            self.sessions += 1;
        }
        Resolved {
            created: true,
            ..known(slug.run(run), true)
        }
    }

    /// The session that was in the same folder before this one: the run before, else the newest of another name.
    pub(crate) fn before(&self, id: &SessionId) -> Option<SessionId> {
        let line = self.lines.get(id.name())?;
        let earlier = line.runs.keys().rev().find(|run| **run < id.run());
        let in_folder = || {
            let slugs = &self.folders.get(line.directory.as_ref()?)?.slugs;
            slugs
                .iter()
                .rev()
                .filter(|slug| *slug != id.name())
                .find_map(|slug| self.newest(slug))
        };
        earlier.map(|run| id.name().run(*run)).or_else(in_folder)
    }

    /// Takes a session out. Its number stays used.
    pub(crate) fn remove(&mut self, id: &SessionId) -> bool {
        let Some(line) = self.lines.get_mut(id.name()) else {
            return false;
        };
        if line.runs.remove(&id.run()).is_none() {
            return false;
        }
        self.sessions -= 1;
        if line.runs.is_empty() && line.own {
            let directory = line.directory.take();
            self.transcripts.remove_own(directory.as_ref(), id.name());
            return true;
        }
        if line.runs.is_empty()
            && let Some(folder) = line
                .directory
                .as_ref()
                .and_then(|directory| self.folders.get_mut(directory))
        {
            folder.slugs.retain(|slug| slug != id.name());
            if folder.current.as_ref() == Some(id.name()) {
                folder.current = folder.slugs.last().cloned();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
