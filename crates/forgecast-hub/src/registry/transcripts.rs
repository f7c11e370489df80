//! Whose is an agent's transcript? It is bound to the build whose folder, or a folder above it, the agent was started in
//! while the build was at work; else to a session of its own that has the transcript's name. It stays bound until that
//! build is over and another one is at work there. Never guesses by name.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;

use forgecast_protocol::{SessionId, SessionName, Timestamp};

use super::lines::{Resolved, known};
use super::{Reason, Registry, Span};

/// To which session a transcript belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) session: SessionId,
    /// The folder that the agent was started in.
    pub(crate) directory: Option<String>,
}

/// All bindings, the oldest leaving when there are too many.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcripts {
    bindings: HashMap<SessionName, Binding>,
    order: VecDeque<SessionName>,
    /// Sessions that are nothing but a transcript, by their folder.
    own: BTreeMap<String, BTreeSet<SessionName>>,
    evicted: u64,
}

impl Transcripts {
    fn set(&mut self, transcript: &SessionName, binding: Binding, limit: usize) {
        if self.bindings.insert(transcript.clone(), binding).is_some() {
            return;
        }
        self.order.push_back(transcript.clone());
        if self.order.len() > limit.max(1)
            && let Some(oldest) = self.order.pop_front()
        {
            self.bindings.remove(&oldest);
            self.evicted += 1;
        }
    }

    pub(super) fn knows(&self, transcript: &SessionName) -> bool {
        self.bindings.contains_key(transcript)
    }

    pub(super) fn remove_own(&mut self, directory: Option<&String>, slug: &SessionName) {
        if let Some(directory) = directory
            && let Some(slugs) = self.own.get_mut(directory)
        {
            slugs.remove(slug);
            if slugs.is_empty() {
                self.own.remove(directory);
            }
        }
    }

    pub(super) fn add_own(&mut self, directory: &str, slug: &SessionName) {
        let slugs = self.own.entry(directory.to_owned()).or_default();
        slugs.insert(slug.clone());
    }

    /// Own sessions in a folder or below it.
    fn own_below(&self, directory: &str) -> impl Iterator<Item = &SessionName> {
        let root = directory.trim_end_matches('/');
        let is_inside = move |folder: &str| {
            let rest = folder.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.own
            .range::<str, _>((Bound::Included(root), Bound::Unbounded))
            .take_while(move |(folder, _)| folder.starts_with(root))
            .filter(move |(folder, _)| is_inside(folder))
            .flat_map(|(_, slugs)| slugs)
    }
}

impl Registry {
    /// Takes in a binding that the store knows; before the sessions.
    pub(crate) fn restore_transcript(&mut self, transcript: &SessionName, binding: Binding) {
        let limit = self.transcripts_limit();
        self.transcripts.set(transcript, binding, limit);
    }

    fn transcripts_limit(&self) -> usize {
        self.limit.saturating_mul(5)
    }

    /// Bindings that were given up because there were too many.
    pub(crate) fn transcripts_evicted(&self) -> u64 {
        self.transcripts.evicted
    }

    /// The session of a transcript, if it is bound to one that there still is.
    pub(crate) fn bound(&self, transcript: &SessionName) -> Option<&Binding> {
        let binding = self.transcripts.bindings.get(transcript)?;
        self.has(&binding.session).then_some(binding)
    }

    /// Whether it is certain to which session the transcript belongs, whenever what it tells took place.
    pub(crate) fn is_settled(&self, transcript: &SessionName) -> bool {
        let session = self.bound(transcript).map(|binding| &binding.session);
        session.is_some_and(|id| self.is_own(id) || !self.is_over(id))
    }

    fn is_over(&self, id: &SessionId) -> bool {
        let run = self.lines.get(id.name()).and_then(|line| line.runs.get(&id.run()));
        run.is_none_or(|run| run.over)
    }

    /// The build that went on in the transcript's folder when the one that it is bound to was over.
    fn successor(&self, binding: &Binding, directory: Option<&str>, span: Span) -> Option<SessionId> {
        let bound = &binding.session;
        if self.is_own(bound) || !self.is_over(bound) {
            return None;
        }
        let build = self.build_at(directory.or(binding.directory.as_deref())?, span)?;
        let later = self.span(&build)?.began > self.span(bound)?.until;
        later.then_some(build)
    }

    /// Whether the session is nothing but an agent's transcript.
    pub(crate) fn is_own(&self, id: &SessionId) -> bool {
        self.lines.get(id.name()).is_some_and(|line| line.own)
    }

    /// When a session that is nothing but an agent's transcript began.
    pub(crate) fn own_began(&self, id: &SessionId) -> Option<Timestamp> {
        let line = self.lines.get(id.name()).filter(|line| line.own)?;
        Some(line.runs.get(&id.run())?.span.began)
    }

    /// The session that a transcript belongs to if there is one already; makes nothing.
    pub(super) fn home_of(&self, transcript: &SessionName, directory: Option<&str>, span: Span) -> Option<SessionId> {
        if let Some(binding) = self.bound(transcript) {
            let successor = self.successor(binding, directory, span);
            return Some(successor.unwrap_or_else(|| binding.session.clone()));
        }
        let build = directory.and_then(|directory| self.build_at(directory, span));
        build.or_else(|| self.newest(transcript))
    }

    /// The build that was at work in this folder at the time, else in the nearest folder above it.
    fn build_at(&self, directory: &str, span: Span) -> Option<SessionId> {
        std::path::Path::new(directory)
            .ancestors()
            .filter_map(|folder| self.folders.get(folder.to_str()?))
            .find_map(|folder| {
                let lines = folder
                    .slugs
                    .iter()
                    .filter_map(|slug| Some((slug, self.lines.get(slug)?)));
                let runs = lines.flat_map(|(slug, line)| line.runs.iter().map(move |(run, state)| (slug, run, state)));
                let at_work = runs.filter(|(_, _, state)| state.span.overlaps(span));
                let latest = at_work.max_by_key(|(_, run, state)| (state.span.began, **run))?;
                Some(latest.0.run(*latest.1))
            })
    }

    /// The session of a transcript, bound and made if it is new.
    pub(super) fn resolve_transcript(
        &mut self,
        transcript: &SessionName,
        directory: Option<&str>,
        span: Span,
        at: Timestamp,
    ) -> Result<Resolved, Reason> {
        if let Some(binding) = self.bound(transcript) {
            let successor = self.successor(binding, directory, span);
            let binds = (binding.directory.is_none() && directory.is_some()) || successor.is_some();
            let id = successor.unwrap_or_else(|| binding.session.clone());
            let moves = binds && self.place_own(&id, directory);
            if binds {
                self.bind(transcript, id.clone(), directory);
            }
            return Ok(Resolved {
                explicit: true,
                binds,
                ..known(id, moves)
            });
        }
        let resolved = match self.home_of(transcript, directory, span) {
            Some(id) => known(id, false),
            None => self.create_own(transcript, directory, span, at)?,
        };
        self.bind(transcript, resolved.id.clone(), directory);
        Ok(Resolved {
            explicit: true,
            binds: true,
            ..resolved
        })
    }

    fn bind(&mut self, transcript: &SessionName, session: SessionId, directory: Option<&str>) {
        let before = self.transcripts.bindings.get(transcript);
        let known = before.and_then(|before| before.directory.clone());
        let binding = Binding {
            session,
            directory: directory.map(str::to_owned).or(known),
        };
        let limit = self.transcripts_limit();
        self.transcripts.set(transcript, binding, limit);
    }

    /// Gives a session of its own its folder. Whether that was news.
    fn place_own(&mut self, id: &SessionId, directory: Option<&str>) -> bool {
        let (Some(line), Some(directory)) = (self.lines.get_mut(id.name()), directory) else {
            return false;
        };
        if !line.own || line.directory.is_some() {
            return false;
        }
        line.directory = Some(directory.to_owned());
        self.transcripts.add_own(directory, id.name());
        true
    }

    fn create_own(
        &mut self,
        transcript: &SessionName,
        directory: Option<&str>,
        span: Span,
        at: Timestamp,
    ) -> Result<Resolved, Reason> {
        if self.is_full() {
            return Err(Reason::TooManySessions);
        }
        let line = self.line(transcript);
        line.name = transcript.to_string();
        line.named = true;
        line.own = true;
        line.directory = directory.map(str::to_owned);
        if let Some(directory) = directory {
            self.transcripts.add_own(directory, transcript);
        }
        let resolved = self.add_run(transcript, at);
        if let Some(run) = self.run_mut(&resolved.id) {
            run.span = span;
        }
        Ok(resolved)
    }

    /// The agents' own sessions at work in the folder of this build, or below it: they belong to it.
    pub(crate) fn adoptees(&self, build: &SessionId) -> Vec<SessionId> {
        let Some((line, span)) = self.lines.get(build.name()).zip(self.span(build)) else {
            return Vec::new();
        };
        let Some(directory) = line.directory.as_deref().filter(|_| !line.own) else {
            return Vec::new();
        };
        let own = self.transcripts.own_below(directory);
        let at_work = own.filter_map(|slug| {
            let id = self.newest(slug)?;
            let run = self.lines.get(slug)?.runs.get(&id.run())?;
            (!run.over && run.span.overlaps(span)).then_some(id)
        });
        at_work.collect()
    }

    /// The build to which an agent's own session at work belongs by now, if there is one.
    pub(crate) fn adopter(&self, own: &SessionId) -> Option<SessionId> {
        let line = self.lines.get(own.name()).filter(|line| line.own)?;
        let run = line.runs.get(&own.run()).filter(|run| !run.over)?;
        self.build_at(line.directory.as_deref()?, run.span)
    }

    /// All agents' own sessions at work that belong to a build by now.
    pub(crate) fn adoptable(&self) -> Vec<(SessionId, SessionId)> {
        let own = self.transcripts.own.values().flatten();
        let newest = own.filter_map(|slug| self.newest(slug));
        newest
            .filter_map(|own| {
                let build = self.adopter(&own)?;
                Some((own, build))
            })
            .collect()
    }

    /// Binds everything that belonged to one session to another, and says what.
    pub(crate) fn rebind(&mut self, from: &SessionId, to: &SessionId) -> Vec<(SessionName, Binding)> {
        let bindings = self.transcripts.bindings.iter_mut();
        let moved = bindings.filter(|(_, binding)| binding.session == *from);
        moved
            .map(|(transcript, binding)| {
                binding.session = to.clone();
                (transcript.clone(), binding.clone())
            })
            .collect()
    }

    /// Sessions of their own whose transcripts belong to another session meanwhile: they were taken over.
    pub(crate) fn taken_over(&self) -> Vec<SessionId> {
        let bindings = self.transcripts.bindings.iter();
        let elsewhere = bindings.filter(|(transcript, binding)| binding.session.name() != *transcript);
        let own = elsewhere.filter(|(transcript, _)| self.lines.get(*transcript).is_some_and(|line| line.own));
        own.filter_map(|(transcript, _)| self.newest(transcript)).collect()
    }
}
