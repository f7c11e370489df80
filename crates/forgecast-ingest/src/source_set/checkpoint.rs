//! A checkpoint's files (`state.json`, `progress.json`, `COMPLETE`) are told as one fact, by whichever of them changed.

use std::path::{Component, Path, PathBuf};

use forgecast_protocol::{FileIdentity, Subject};

use super::{Content, ScanPass, SetKind, SourceSet, last_name};
use forgecast_decode::{CheckpointPart, Format, checkpoint};

impl SourceSet {
    /// After the files were read: one fact, when any of them changed.
    pub(super) fn report_checkpoint(&mut self, pass: &mut ScanPass<'_>) {
        let changed = !pass.outcome.batch.checkpoints.is_empty();
        if self.kind != SetKind::Checkpoint || !changed || self.files.is_empty() {
            return;
        }
        self.load_unchanged_parts(pass);
        let parts: Vec<(CheckpointPart, &[u8])> = self
            .parts
            .iter()
            .map(|(part, bytes)| (*part, bytes.as_slice()))
            .collect();
        if parts.is_empty() {
            return;
        }
        let (decoded, _) = checkpoint::together(&parts, &pass.context.cleaner);
        let newest = self.files.values().filter_map(|source| match &source.content {
            Content::Document(document) if document.present => Some(document.identity),
            _ => None,
        });
        let identity: FileIdentity = newest.max_by_key(|identity| identity.mtime_ns).unwrap_or_default();
        let first_sight = std::mem::replace(&mut self.unknown, false);
        let origin = pass.origin(
            "state.json",
            &Format::Checkpoint(CheckpointPart::State),
            &identity,
            first_sight,
        );
        let subject = Subject {
            session: None,
            name: decoded.name.or_else(|| Some(last_name(&self.directory))),
            directory: decoded
                .working_directory
                .and_then(|folder| under_a_root(&folder, &pass.context.roots))
                // One that was renamed is known by its new path.
                .filter(|folder| Path::new(folder).is_dir()),
            transcript: None,
            command: None,
        };
        for fact in decoded.facts {
            pass.event(&subject, &origin, fact);
        }
    }

    /// Files that have not changed since an earlier life were not read yet, but the fact needs them.
    fn load_unchanged_parts(&mut self, pass: &mut ScanPass<'_>) {
        for (path, source) in &self.files {
            let (Format::Checkpoint(part), Content::Document(document)) = (&source.format, &source.content) else {
                continue;
            };
            if document.present && !self.parts.contains_key(part) {
                let limit = source.format.max_bytes();
                let read = pass
                    .base
                    .file(Path::new(path), limit)
                    .and_then(|mut file| file.read_all(Path::new(path), limit));
                if let Ok(bytes) = read {
                    pass.outcome.reads += 1;
                    pass.outcome.bytes += u64::try_from(bytes.len()).unwrap_or(0);
                    self.parts.insert(*part, bytes);
                }
            }
        }
    }
}

/// The folder that a checkpoint names, when it is one that we watch anyway; any other is only text.
fn under_a_root(folder: &str, roots: &[PathBuf]) -> Option<String> {
    let path = Path::new(folder.trim_end_matches('/'));
    let plain = path.is_absolute()
        && path
            .components()
            .all(|part| !matches!(part, Component::ParentDir | Component::CurDir));
    (plain && roots.iter().any(|root| path.starts_with(root))).then(|| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_directory_counts_only_under_a_configured_root() {
        let roots = [PathBuf::from("/srv/builds")];
        assert_eq!(
            under_a_root("/srv/builds/app/", &roots).as_deref(),
            Some("/srv/builds/app")
        );
        for folder in ["/srv/builds/../secret", "/srv/buildsX/app", "/etc", "builds/app", ""] {
            assert_eq!(under_a_root(folder, &roots), None, "{folder}");
        }
    }
}
