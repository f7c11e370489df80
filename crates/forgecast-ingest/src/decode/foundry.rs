//! foundry

use super::fields::Fields;
use super::transcript::{Taken, Told};
use super::{Decoded, Unparsable, json};
use crate::clean::Cleaner;

#[derive(Clone, Debug)]
pub(crate) struct Reader {}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {}
    }

    pub(crate) fn line(&mut self, _line: &[u8], _told: &Told<'_>, out: &mut Taken) {
        out.unknown += 1;
    }
}

/// `.buildloop/run-manifest.json`.
///
/// # Errors
/// When it is no object or not complete.
pub(super) fn manifest(bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let fields = Fields::new(json::object(bytes)?, cleaner);
    Ok(Decoded {
        bad_fields: fields.into_bad(),
        ..Decoded::default()
    })
}

/// `TASKS.md`.
pub(super) fn task_list(bytes: &[u8], cleaner: &Cleaner) -> Decoded {
    let _ = (bytes, cleaner);
    Decoded::default()
}
