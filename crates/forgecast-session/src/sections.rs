//! The sections of a session. Each one owns what it remembers (its state, kept in snapshots and never shown), is the only
//! writer of its part of the view, and says whether a fact changed that part. What concerns several sections at once is
//! not decided here but in `fold`.

pub(crate) mod activity;
pub(crate) mod agents;
pub(crate) mod artifacts;
pub(crate) mod attention;
pub(crate) mod conversations;
pub(crate) mod decisions;
pub(crate) mod files;
pub(crate) mod life;
pub(crate) mod patterns;
pub(crate) mod phases;
pub(crate) mod processes;
pub(crate) mod stages;
pub(crate) mod tasks;
pub(crate) mod test_loop;
pub(crate) mod usage;

use std::collections::BTreeMap;

use forgecast_protocol::{Origin, SessionView, SourceKind, Timestamp};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Grows whenever the same facts would fold to another view or row, or a stored [`Session`](crate::Session) would be read wrongly. Facts
/// are then folded anew, and the hub begins a new epoch, so that no viewer applies a patch to a state of the old fold. A
/// state of an older fold must still be readable: where the facts that led to it are no longer kept, it is all there is.
pub const FOLD_VERSION: u32 = 6;

/// The panels of a session: each is a field of the view and a key of its `changed_at`, by the same name.
macro_rules! panels {
    ($($Section:ident: $field:ident,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Section {
            $($Section,)*
        }

        impl Section {
            const ALL: &[Self] = &[$(Self::$Section,)*];

            /// Its name in the view and in `changed_at`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$Section => stringify!($field),)*
                }
            }
        }

        // Each of them is a field of the view.
        const _: fn(&SessionView) = |view| {
            $(_ = &view.$field;)*
        };
    };
}

panels! {
    Phase: phase,
    Phases: phases,
    Progress: progress,
    Tests: tests,
    Agents: agents,
    Usage: usage,
    Decisions: decisions,
    Patterns: patterns,
    Artifacts: artifacts,
}

/// What the sections remember. A snapshot holds the fields of all of them side by side in one object, so their names must
/// differ; a section reads its own fields and ignores the others, and a field that an older snapshot lacks is empty.
macro_rules! state {
    ($($field:ident: $State:ty,)*) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        pub(crate) struct State {
            $(#[serde(flatten)] pub(crate) $field: $State,)*
        }

        impl<'de> Deserialize<'de> for State {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // Not by `flatten`, which cannot read maps whose keys are numbers.
                let fields = Value::deserialize(deserializer)?;
                Ok(Self { $($field: section(&fields)?,)* })
            }
        }
    };
}

state! {
    identity: Identity,
    files: files::Files,
    life: life::Life,
    processes: processes::Processes,
    agents: conversations::Conversations,
    phases: phases::Phases,
    stages: stages::Stages,
    tasks: tasks::Tasks,
    tests: test_loop::TestLoop,
    usage: usage::UsageAccounts,
    decisions: decisions::DecisionLog,
    attention: attention::AttentionLog,
    activity: activity::ActivityLog,
}

/// What is known of the session's name, and which run it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Identity {
    /// Whether a producer gave the session its name, rather than the folder.
    pub(crate) named: bool,
    /// The producer's own id of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<String>,
}

fn section<T: DeserializeOwned, E: Error>(fields: &Value) -> Result<T, E> {
    T::deserialize(fields).map_err(E::custom)
}

/// What a section may know about an event besides the fact.
pub(crate) struct Context<'a> {
    /// The source of the fact.
    pub(crate) origin: &'a Origin,
    /// When Forgecast learned of it.
    pub(crate) received: Timestamp,
    /// When what it says became true, see [`Session::time_of`](crate::Session::time_of).
    pub(crate) at: Timestamp,
    /// When its source says that it happened: the time of a transcript's line, else `at`. Unlike that it is the same
    /// whenever the line is read.
    pub(crate) said_at: Timestamp,
    /// The transcript of the agent that it is about.
    pub(crate) transcript: Option<&'a str>,
    /// Whether it happened while the run was being followed, rather than being found when its file was first read.
    pub(crate) observed: bool,
}

impl Context<'_> {
    /// The conversation that it belongs to: an agent's by the name of its transcript, the producer's own by none.
    pub(crate) fn conversation(&self) -> &str {
        self.transcript.unwrap_or_default()
    }

    /// Whether it is brought over from elsewhere: it happened before anybody followed the session.
    pub(crate) fn is_history(&self) -> bool {
        self.origin.kind == SourceKind::History
    }

    /// The file or endpoint that the fact was read from.
    pub(crate) fn path(&self) -> Option<&str> {
        self.origin.path.as_deref()
    }
}

/// What a fact says about the producer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Nothing.
    #[default]
    None,
    /// It is alive.
    Seen,
    /// It got something done.
    Work,
}

/// What folding a fact did: which sections it changed, and whether it was work or only a sign of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// One bit for each section.
    sections: u16,
    pub(crate) activity: Activity,
}

impl Changed {
    /// No section, and nothing about the producer.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// No section, but the producer is alive.
    pub(crate) fn seen() -> Self {
        Self {
            sections: 0,
            activity: Activity::Seen,
        }
    }

    /// Work that no section shows.
    pub(crate) fn work() -> Self {
        Self {
            sections: 0,
            activity: Activity::Work,
        }
    }

    /// Work if it changed the section, nothing if the fact was known.
    pub(crate) fn of(section: Section, changed: bool) -> Self {
        if changed {
            Self::work().and(section, true)
        } else {
            Self::nothing()
        }
    }

    /// These sections changed, but it was no work of the producer.
    pub(crate) fn idle(mut self) -> Self {
        self.activity = Activity::None;
        self
    }

    /// One more section, if it changed.
    pub(crate) fn and(mut self, section: Section, changed: bool) -> Self {
        self.sections |= u16::from(changed) << (section as u16);
        self
    }

    /// Both changes together.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.sections |= other.sections;
        if self.activity == Activity::None || other.activity == Activity::Work {
            self.activity = other.activity;
        }
        self
    }

    /// The sections that changed.
    pub(crate) fn sections(self) -> impl Iterator<Item = Section> {
        let sections = Section::ALL.iter().copied();
        sections.filter(move |section| self.sections & (1 << (*section as u16)) != 0)
    }
}

/// Puts a value under a key; whether that changed anything.
pub(crate) fn put<V: PartialEq>(map: &mut BTreeMap<String, V>, key: &str, value: V) -> bool {
    if map.get(key) == Some(&value) {
        return false;
    }
    map.insert(key.to_owned(), value);
    true
}

/// Removes what comes first by `rank`, but never `newest`, until at most `most` are left; `removed` is told of each.
pub(crate) fn evict<V, R: Ord>(
    map: &mut BTreeMap<String, V>,
    most: usize,
    newest: &str,
    rank: impl Fn(&str, &V) -> R,
    mut removed: impl FnMut(&str, &V),
) {
    while map.len() > most {
        let others = map.iter().filter(|(key, _)| *key != newest);
        let Some(key) = others
            .min_by_key(|(key, value)| rank(key, value))
            .map(|(key, _)| key.clone())
        else {
            return;
        };
        if let Some(value) = map.remove(&key) {
            removed(&key, &value);
        }
    }
}

/// Takes a value if the producer states one: what is not stated stays as it was.
pub(crate) fn set_some<T: Clone>(field: &mut Option<T>, stated: Option<&T>) {
    if let Some(value) = stated {
        *field = Some(value.clone());
    }
}

/// Takes those of these fields that a fact states.
macro_rules! take_stated {
    ($view:expr, $fact:expr, $($field:ident),+) => {
        $($crate::sections::set_some(&mut $view.$field, $fact.$field.as_ref());)+
    };
}
pub(crate) use take_stated;

/// A count as the view holds it.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A percentage as it may stand in a view, or nothing for what is not a number: JSON has no NaN, and a view no `null`.
pub(crate) fn percent(value: Option<f64>) -> Option<f64> {
    value
        .filter(|value| value.is_finite())
        .map(|value| value.clamp(0.0, 100.0))
}

/// A producer's own JSON as it may stand in a view: without `null`, which in a patch means that something is gone.
pub(crate) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let known = members.iter().filter(|(_, value)| !value.is_null());
            known
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect()
        }
        Value::Array(items) => {
            let known = items.iter().filter(|value| !value.is_null());
            known.map(without_nulls).collect()
        }
        value => value.clone(),
    }
}

/// An amount of money that a view can hold, or nothing.
pub(crate) fn money(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}
