//! In which phase of the build its documents were passed on. A build that begins anew may write what the one before it wrote,
//! byte for byte; rewritten in another phase, it is news.

use std::collections::BTreeMap;

use forgecast_decode::Format;

use super::{Content, SourceFile};
use crate::document::Document;

/// The phase that the phase file named last, and how many there were before it. Stored with the phase file, so that it goes
/// on after a restart.
#[derive(Debug, Default)]
pub(super) struct BuildPhase {
    number: u64,
    name: String,
}

impl BuildPhase {
    /// As an earlier life stored it.
    pub(super) fn known(files: &BTreeMap<String, Box<SourceFile>>) -> Self {
        let phase_file = files.values().find(|file| file.format == Format::Phase);
        let Some(Content::Document(document)) = phase_file.map(|file| &file.content) else {
            return Self::default();
        };
        let (number, name) = document.state.split_once(' ').unwrap_or_default();
        Self {
            number: number.parse().unwrap_or_default(),
            name: name.to_owned(),
        }
    }

    /// Takes the phase that the phase file names now.
    pub(super) fn enter(&mut self, name: Option<&str>) {
        let name = name.unwrap_or_default();
        if self.name != name {
            name.clone_into(&mut self.name);
            self.number += 1;
        }
    }

    /// What is stored with a document that is passed on now.
    pub(super) fn mark(&self, format: &Format) -> String {
        match format {
            Format::Phase => format!("{} {}", self.number, self.name),
            _ => self.number.to_string(),
        }
    }

    /// Whether a document was passed on in an earlier phase. Those that say where the build is are of none.
    pub(super) fn is_behind(&self, format: &Format, document: &Document) -> bool {
        let told: Option<u64> = document.state.parse().ok();
        !matches!(format, Format::Phase | Format::Checkpoint(_)) && told.is_some_and(|told| told < self.number)
    }
}
