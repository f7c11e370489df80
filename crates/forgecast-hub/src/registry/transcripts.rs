//! Which session each agent transcript is bound to, and which sessions are nothing but a transcript. A wrapped command is
//! bound to its session in the same way. Data only: the rules by which a transcript is bound are the registry's.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Bound;

use forgecast_protocol::{COMMAND_PREFIX, SessionId, SessionName};

/// The session that a transcript belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) session: SessionId,
    /// The folder that the agent was started in.
    pub(crate) directory: Option<String>,
}

/// All bindings. When there are too many, the oldest is dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct TranscriptBindings {
    bindings: HashMap<SessionName, Binding>,
    order: VecDeque<SessionName>,
    /// Sessions that are nothing but a transcript, by the folder that their agent was started in.
    agent_sessions: BTreeMap<String, BTreeSet<SessionName>>,
    /// Sessions of wrapped commands.
    commands: HashSet<SessionId>,
    /// How many bindings were dropped.
    pub(super) evicted: u64,
}

impl TranscriptBindings {
    pub(super) fn get(&self, transcript: &SessionName) -> Option<&Binding> {
        self.bindings.get(transcript)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&SessionName, &Binding)> {
        self.bindings.iter()
    }

    pub(super) fn set(&mut self, transcript: &SessionName, binding: Binding, limit: usize) {
        if transcript.as_str().starts_with(COMMAND_PREFIX) {
            self.commands.insert(binding.session.clone());
        }
        if self.bindings.insert(transcript.clone(), binding).is_some() {
            return;
        }
        self.order.push_back(transcript.clone());
        if self.order.len() > limit.max(1)
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some(binding) = self.bindings.remove(&oldest) {
                self.commands.remove(&binding.session);
            }
            self.evicted += 1;
        }
    }

    /// Whether the session is that of a wrapped command.
    pub(super) fn is_command(&self, session: &SessionId) -> bool {
        self.commands.contains(session)
    }

    /// Binds everything that belonged to one session to another. Returns the bindings that changed.
    pub(super) fn rebind(&mut self, from: &SessionId, to: &SessionId) -> Vec<(SessionName, Binding)> {
        let bindings = self.bindings.iter_mut();
        let moved = bindings.filter(|(_, binding)| binding.session == *from);
        let moved = moved.map(|(transcript, binding)| {
            binding.session = to.clone();
            (transcript.clone(), binding.clone())
        });
        moved.collect()
    }

    pub(super) fn add_agent_session(&mut self, directory: &str, slug: &SessionName) {
        let slugs = self.agent_sessions.entry(directory.to_owned()).or_default();
        slugs.insert(slug.clone());
    }

    pub(super) fn remove_agent_session(&mut self, directory: &str, slug: &SessionName) {
        if let Some(slugs) = self.agent_sessions.get_mut(directory) {
            slugs.remove(slug);
            if slugs.is_empty() {
                self.agent_sessions.remove(directory);
            }
        }
    }

    pub(super) fn agent_sessions(&self) -> impl Iterator<Item = &SessionName> {
        self.agent_sessions.values().flatten()
    }

    /// Agent sessions in a folder or below it.
    pub(super) fn agent_sessions_below(&self, directory: &str) -> impl Iterator<Item = &SessionName> {
        let root = directory.trim_end_matches('/');
        let is_inside = move |folder: &str| {
            let rest = folder.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.agent_sessions
            .range::<str, _>((Bound::Included(root), Bound::Unbounded))
            .take_while(move |(folder, _)| folder.starts_with(root))
            .filter(move |(folder, _)| is_inside(folder))
            .flat_map(|(_, slugs)| slugs)
    }
}
