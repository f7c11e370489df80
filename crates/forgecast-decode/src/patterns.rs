//! Pattern libraries, `patterns/common-issues.json` and siblings: what earlier builds learned, with how often it was seen
//! and prevented.

use forgecast_protocol::event::{Fact, PatternRecorded};
use forgecast_protocol::hex;
use sha2::{Digest, Sha256};

use super::fields::Fields;
use super::{Decoded, Unparsable, json};
use crate::clean::Cleaner;

/// Most patterns of one library.
const MAX_PATTERNS: usize = 1_000;
/// Longest id that is made of a text, in bytes without its hash.
const MAX_SLUG: usize = 64;

/// Reads a library.
///
/// # Errors
/// When it is no object or not complete.
pub(crate) fn decode(relative_path: &str, bytes: &[u8], cleaner: &Cleaner) -> Result<Decoded, Unparsable> {
    let mut fields = Fields::new(json::object(bytes)?, cleaner);
    let mut decoded = Decoded {
        dated: fields.time(&["last_updated"]),
        ..Decoded::default()
    };
    fields.expect("patterns", "the list of the library's patterns");
    let library = cleaner.word(library_of(relative_path));
    for (within, map) in fields.objects("patterns", MAX_PATTERNS) {
        let mut inner = Fields::within(map, cleaner, within);
        match entry(&mut inner, &library, slug) {
            Some(pattern) => decoded.facts.push(pattern),
            None => inner.note("pattern_id", "neither an id nor a title: left out".to_owned()),
        }
        fields.absorb(inner.into_bad());
    }
    decoded.bad_fields = fields.into_bad();
    Ok(decoded)
}

/// A pattern of a library; one without an id gets that which `own_id` makes of its title. `None` without either.
pub(crate) fn entry(fields: &mut Fields<'_>, library: &str, own_id: fn(&str) -> String) -> Option<Fact> {
    let id = fields.word(&["pattern_id", "id"]);
    let mut pattern = report(fields, String::new());
    pattern.id = id.or_else(|| pattern.title.as_deref().map(own_id))?;
    pattern.library = Some(library.to_owned());
    Some(Fact::PatternRecorded(pattern))
}

/// Takes the fields of a pattern.
pub(crate) fn report(fields: &mut Fields<'_>, id: String) -> PatternRecorded {
    PatternRecorded {
        id,
        title: fields.line(&["title", "name", "pattern"]),
        library: fields.word(&["library"]),
        severity: fields.word(&["severity", "priority"]),
        frequency: fields.count(&["frequency"]),
        times_prevented: fields.count(&["times_prevented"]),
    }
}

/// `common-issues` of `.context-foundry/patterns/common-issues.json`.
fn library_of(relative_path: &str) -> &str {
    let name = relative_path.rsplit('/').next().unwrap_or(relative_path);
    name.strip_suffix(".json").unwrap_or(name)
}

/// An id made of a text, the same each time: its letters and digits, and a hash when that is not all of it.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() >= MAX_SLUG {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.len() >= MAX_SLUG - 1 || !text.is_ascii() || slug.is_empty() {
        let hash = short_hash(text.as_bytes());
        return if slug.is_empty() {
            hash
        } else {
            format!("{slug}-{hash}")
        };
    }
    slug.to_owned()
}

/// Eight hexadecimal digits of a SHA-256.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..4])
}
