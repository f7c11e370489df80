//! Names of sessions, made of what paths and lines say.

use forgecast_protocol::{SessionName, hex};
use sha2::{Digest, Sha256};

/// Bytes of a name that are kept when it has to be changed to fit an id.
const KEPT: usize = 96;

/// The name of a file of lines of JSON, without its ending; `None` for other and hidden files.
pub(crate) fn stem(file: &str) -> Option<&str> {
    file.strip_suffix(".jsonl")
        .filter(|stem| !stem.is_empty() && !stem.starts_with('.'))
}

/// A session by this name; where the name does not fit an id, what is readable of it and the beginning of its hash.
pub(crate) fn session_name(text: &str) -> SessionName {
    if let Ok(name) = text.parse() {
        return name;
    }
    let hash = hex(&Sha256::digest(text.as_bytes())[..4]);
    let readable = text.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => letter,
        _ => '-',
    });
    let readable: String = readable
        .skip_while(|letter| !letter.is_ascii_alphanumeric())
        .take(KEPT)
        .collect();
    let name = format!("{readable}-{hash}");
    let name = name.trim_start_matches('-');
    // Permitted characters only, beginning with a letter or digit: a name that does not parse is not possible.
    name.parse().unwrap_or_else(|_| unreachable!("{name:?} fits an id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_one_that_fits_an_id() {
        for name in [
            "",
            "ä",
            "-",
            "a b",
            "..",
            "~",
            &"ü".repeat(500),
            &"x".repeat(500),
            "a/b\0c\n",
        ] {
            let named = session_name(name);
            assert!(named.as_str().parse::<SessionName>().is_ok(), "{name:?} → {named}");
        }
        assert_ne!(session_name("a b"), session_name("a-b"));
    }
}
