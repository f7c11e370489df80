//! A transcript that was renamed is the same file: known by its number on its device, and checked by its content when it
//! is read on.

use std::path::Path;

use forgecast_protocol::{FileIdentity, SourceCheckpoint};

use super::{ScanPass, Transcript, Transcripts};
use crate::folder::number;

impl Transcripts {
    /// A known file under a new name is not read again: what was known goes with it.
    pub(super) fn adopt_moved(
        &mut self,
        path: &str,
        transcript: &mut Transcript,
        now: &FileIdentity,
        pass: &mut ScanPass<'_>,
    ) {
        let files = &self.files;
        let numbers = pass.numbers.get_or_insert_with(|| {
            let begun = files.iter().filter(|(_, file)| file.tail.is_begun());
            begun
                .map(|(path, file)| (number(&file.tail.identity), path.clone()))
                .collect()
        });
        let Some(old) = numbers.remove(&number(now)) else {
            return;
        };
        let there = pass.base.stat(Path::new(&old)).ok();
        if old == path || there.is_some_and(|there| number(&there) == number(now)) {
            return;
        }
        let Some(mut moved) = self.files.remove(&old) else {
            return;
        };
        tracing::debug!(from = old, to = path, "a transcript was renamed");
        self.backlog.done(&old);
        self.forget_lines(&old, &mut moved, pass);
        self.recovered(&old, &mut moved, pass);
        // Both names in one batch: a life that begins between them would read the file again.
        self.checkpoint(&old, SourceCheckpoint::default(), pass);
        self.checkpoint(path, moved.tail.checkpoint(moved.state.clone()), pass);
        if there.is_some() {
            self.files.insert(old, Transcript::default());
        }
        *transcript = moved;
    }
}
