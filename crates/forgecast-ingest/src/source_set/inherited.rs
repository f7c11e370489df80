//! Problems that an earlier life of the process told of a file: this life does not know them, viewers still see them.

use forgecast_protocol::event::{Fact, ProblemCleared};

use super::{ScanPass, SourceSet};

/// What an earlier life may have told of a file's problems and nobody took back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inherited {
    Nothing,
    /// Problems of its fields: they hold for as long as the content is the same.
    Fields,
    /// That, and that it was broken.
    Anything,
}

impl SourceSet {
    /// Takes back what an earlier life may have told: that the file was broken, and with new content also of its fields.
    pub(super) fn clear_inherited(
        &mut self,
        path: &str,
        inherited: &mut Inherited,
        with_parts: bool,
        pass: &mut ScanPass<'_>,
    ) {
        match (*inherited, with_parts) {
            (Inherited::Nothing, _) | (Inherited::Fields, false) => return,
            (_, true) => *inherited = Inherited::Nothing,
            (Inherited::Anything, false) => *inherited = Inherited::Fields,
        }
        let key = self.key(path);
        self.emit(
            Some(Fact::ProblemCleared(ProblemCleared { key, with_parts })),
            path,
            pass,
        );
    }
}
