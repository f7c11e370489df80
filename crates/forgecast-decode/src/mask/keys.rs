//! Private keys: blocks of many lines, which documents hold as a whole and logs one line at a time. What only speaks of such
//! a block (`if text.startswith("-----BEGIN PRIVATE KEY-----"):`) is none: the header must be followed by what a key has.

use std::sync::LazyLock;

use regex::Regex;

/// From the header to the end of the block; without an end all the rest, since nobody knows where the key stops.
pub(super) const PATTERN: &str = concat!(
    r"(?s)-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}",
    r#"(?:["'\\nr+,;\s]{0,12}\z|.{0,80}?(?:[A-Za-z0-9+/=]{20}|Proc-Type:|DEK-Info:|Version:|Comment:|Charset:|-{4,5} ?END )"#,
    r".*?(?:-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|PRIVATE KEY(?: BLOCK)? ?-{4,5}|\z))",
    // PuTTY's.
    r"|Private-Lines: [0-9]{1,3}\s+(?:[A-Za-z0-9+/=]{1,64}(?:\s+|\z)){1,200}(?:Private-(?:MAC|Hash): [a-f0-9]{40,64})?",
);

/// A private key that does not end on the line it begins on.
static OPENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = concat!(
        r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}",
        r#"(?:["'\\nr+,;\s]{0,12}|.{0,80}?(?:[A-Za-z0-9+/=]{20}|Proc-Type:|DEK-Info:|Version:|Comment:|Charset:).*)\z"#,
    );
    Regex::new(pattern).ok()
});

/// What stands before the lines of a key of PuTTY.
pub(crate) const PUTTY: &str = "Private-Lines: ";

/// Headers within a block.
const HEADERS: &[&str] = &["Proc-Type:", "DEK-Info:", "Version:", "Comment:", "Charset:", "Hash:"];

/// Whether a private key begins in this line and goes on in the next.
pub(crate) fn opens(line: &str) -> bool {
    if line.contains(PUTTY) {
        return true;
    }
    let Some(begin) = line.rfind("BEGIN ") else {
        return false;
    };
    let from = line[..begin].trim_end().trim_end_matches('-').len();
    let rest = &line[from..];
    !rest.contains("-END ") && !rest.contains("- END ") && OPENS.as_ref().is_none_or(|opens| opens.is_match(rest))
}

/// Whether the key ends in this line.
pub(crate) fn closes(line: &str) -> bool {
    ["----END ", "---- END ", "Private-MAC: ", "Private-Hash: "]
        .iter()
        .any(|end| line.contains(end))
}

/// Whether a line may be one of a key, with whatever a logger, a viewer of files or a patch puts before it. Prose is not.
pub(crate) fn goes_on(line: &str) -> bool {
    let is_material = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
    };
    let text = line.trim().trim_end_matches(['"', '\'', ',', ';', '+', ' ', ')']);
    let text = text.strip_suffix("\\n").unwrap_or(text);
    let words = text
        .split([' ', '\t', '→', '|', '"', '\''])
        .map(|word| word.trim_start_matches(['+', '-', '>', '<']))
        .filter(|word| !word.is_empty());
    let (mut count, mut last, mut long) = (0, "", false);
    for word in words {
        (count, last) = (count + 1, word);
        long |= word.len() >= 40 && is_material(word);
    }
    long || (count <= 2 && is_material(last)) || HEADERS.iter().any(|header| text.contains(header))
}
