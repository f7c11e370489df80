//! What folding a fact did: which sections of the view it moved, and whether it was work or only a sign of life.

use std::collections::BTreeMap;

/// The sections that carry a time of their last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Phase,
    Phases,
    Progress,
    Tests,
    Agents,
    Usage,
    Decisions,
    Patterns,
    Artifacts,
}

impl Section {
    /// Its key in `changed_at`, which is its name in the view.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Phases => "phases",
            Self::Progress => "progress",
            Self::Tests => "tests",
            Self::Agents => "agents",
            Self::Usage => "usage",
            Self::Decisions => "decisions",
            Self::Patterns => "patterns",
            Self::Artifacts => "artifacts",
        }
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

/// What folding a fact did.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    pub(crate) sections: Vec<Section>,
    pub(crate) activity: Activity,
}

impl Effect {
    /// Nothing that says anything about the producer.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// The producer is alive.
    pub(crate) fn seen() -> Self {
        Self {
            sections: Vec::new(),
            activity: Activity::Seen,
        }
    }

    /// Work that no section shows.
    pub(crate) fn work() -> Self {
        Self {
            sections: Vec::new(),
            activity: Activity::Work,
        }
    }

    /// Work when it changed the section, nothing when the fact was known.
    pub(crate) fn of(section: Section, changed: bool) -> Self {
        if changed {
            Self::work().and(section)
        } else {
            Self::none()
        }
    }

    /// The same change without any work.
    pub(crate) fn idle(mut self) -> Self {
        self.activity = Activity::None;
        self
    }

    /// One more section.
    pub(crate) fn and(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Both effects together.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.sections.extend(other.sections);
        if self.activity == Activity::None || other.activity == Activity::Work {
            self.activity = other.activity;
        }
        self
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

/// Takes a value when the producer says one: what is not said stays as it was.
pub(crate) fn set_some<T: Clone>(field: &mut Option<T>, said: Option<&T>) {
    if let Some(value) = said {
        *field = Some(value.clone());
    }
}

/// A percentage as it may stand in a view, or nothing for what is not a number: JSON has no NaN, and a view no `null`.
pub(crate) fn percent(value: Option<f64>) -> Option<f64> {
    value
        .filter(|value| value.is_finite())
        .map(|value| value.clamp(0.0, 100.0))
}

/// A rating from 1 to 5, or nothing.
pub(crate) fn rating(value: Option<f64>) -> Option<f64> {
    value.filter(|value| (1.0..=5.0).contains(value))
}

/// An amount of money that a view can hold, or nothing.
pub(crate) fn money(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}
