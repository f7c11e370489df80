//! The files of a session. Their growth is work, also where nobody reports any.

use forgecast_protocol::Event;
use forgecast_protocol::event::{ArtifactChanged, ArtifactKind};
use forgecast_protocol::session::ArtifactView;

use super::effect::{Effect, Section, put};
use crate::Session;

/// Files that are kept; the one that changed longest ago goes first.
const MAX_ARTIFACTS: usize = 2000;

impl Session {
    pub(crate) fn fold_artifact(&mut self, event: &Event, fact: &ArtifactChanged) -> Effect {
        if fact.removed {
            let removed = self.view.artifacts.remove(&fact.name).is_some();
            let effect = Effect::none();
            return if removed {
                effect.and(Section::Artifacts)
            } else {
                effect
            };
        }
        let (counts, taken_back) = match fact.kind {
            // A library belongs to the project, whatever its age.
            ArtifactKind::Patterns => (true, Effect::none()),
            _ => self.counts(event, fact.dated),
        };
        if !counts {
            return taken_back;
        }
        let artifact = ArtifactView {
            kind: fact.kind,
            size: fact.size,
            modified_at: fact.modified_at,
        };
        let artifacts = &mut self.view.artifacts;
        let changed = put(artifacts, &fact.name, artifact);
        while artifacts.len() > MAX_ARTIFACTS {
            let others = artifacts.iter().filter(|(name, _)| **name != fact.name);
            let oldest = others.min_by_key(|(_, artifact)| artifact.modified_at);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            artifacts.remove(&name);
        }
        let first_sight_of_library = fact.kind == ArtifactKind::Patterns && !self.changed_under_our_eyes(&event.origin);
        let effect = Effect::of(Section::Artifacts, changed).with(taken_back);
        if first_sight_of_library { effect.idle() } else { effect }
    }
}
