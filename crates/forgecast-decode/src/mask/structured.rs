//! Secrets in structured text, beside or below their names: XML, lists of names and values, YAML's blocks, keys as JSON,
//! credentials of registries, answers to prompts.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::assignment::{is_prose, is_value, mixed};
use super::group;

/// What the name of a secret contains.
macro_rules! names {
    () => {
        "(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key|signing[_-]?key|encryption[_-]?key|credential)"
    };
}

/// Words without which none of those names is there.
pub(super) const NAMED: &[&str] = &[
    "passw",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "access-key",
    "accesskey",
    "private_key",
    "private-key",
    "privatekey",
    "account_key",
    "account-key",
    "accountkey",
    "signing_key",
    "signing-key",
    "signingkey",
    "encryption_key",
    "encryption-key",
    "encryptionkey",
    "credential",
];

/// `<password>hunter2</password>`.
pub(super) const XML: &str = concat!(
    r"(?i)<(?:[a-z0-9_-]{1,30}:)?[a-z0-9_.-]{0,40}?",
    names!(),
    r"s?(?:[ \t][^<>\r\n]*)?>\s*([^<>\s][^<>\r\n]+?)\s*</"
);

/// `{"name": "DB_PASSWORD", "value": "hunter2"}`, the same as YAML, `<add key="Password" value="hunter2"/>`.
pub(super) const NAMED_VALUE: &str = concat!(
    r#"(?i)\b(?:name|key)\\{0,3}["']?[ \t]*[:=][ \t]*\\{0,3}["']?[a-z0-9_./:-]{0,60}?"#,
    names!(),
    r#"[_-]?[0-9]{0,2}\\{0,3}["']?[ \t]*,?\s+\\{0,3}["']?value\\{0,3}["']?[ \t]*[:=][ \t]*(?:\\{0,3}["']([^"'\\\r\n]{3,})|([^\s"'\\,;{}<>]{3,}))"#
);

/// The head of a block of YAML, `password: |`, and all lines behind it that are indented at all.
pub(super) const YAML_BLOCK: &str = concat!(
    r#"(?im)^[ \t-]*["']?[a-z0-9_.-]{0,40}?"#,
    names!(),
    r#"[a-z0-9_.-]{0,20}["']?:[ \t]+[|>][+-]?[0-9]?[ \t]*\r?\n((?:(?:[ \t]+\S[^\n]*)?(?:\n|\z))+)"#
);

/// What a JSON web key keeps to itself, `"d": "…"`; only in text that holds one.
pub(super) const JWK: &str = r#"\\{0,3}"(?:d|p|q|dp|dq|qi|k)\\{0,3}"\s*:\s*\\{0,3}"([A-Za-z0-9_-]{16,})\\{0,3}""#;

/// `"auth": "…"` of Docker, `_auth=…` of npm, `client-key-data: …` of Kubernetes.
pub(super) const ENCODED: &str = r#"(?:"auth\\{0,3}"\s*:\s*\\{0,3}"|\b_auth\s*=\s*"?|\bclient-key-data\\{0,3}"?\s*:\s*\\{0,3}"?)([A-Za-z0-9+/]{8,}={0,2})"#;

/// What is answered to a question: `Password for 'https://git@example.com': hunter2`.
pub(super) const PROMPT: &str =
    r"(?im)\b(?:password|passphrase|passcode|pin) (?:for|of) [^\r\n]+?:[ \t]+(\S{4,})[ \t]*\r?$";

/// The head of such a block alone, as a log has it.
static BLOCK_HEAD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let head = concat!(
        r#"(?i)^[ \t-]*["']?[a-z0-9_.-]{0,40}?"#,
        names!(),
        r#"[a-z0-9_.-]{0,20}["']?:[ \t]+[|>][+-]?[0-9]?$"#
    );
    Regex::new(head).ok()
});

/// How deep the name of a block of YAML is indented that begins with this line, if it is that of a secret.
pub(crate) fn opens_block(line: &str) -> Option<usize> {
    let line = line.trim_end();
    let looks_alike = line.trim_end_matches(['+', '-']).ends_with(['|', '>']);
    let is_head = looks_alike && BLOCK_HEAD.as_ref().is_some_and(|head| head.is_match(line));
    is_head.then(|| indent(line))
}

/// How deep a line is indented, the mark of an item of a list included.
pub(crate) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t', '-']).len()
}

/// Whether the value beside a name is a secret: neither a placeholder nor prose.
pub(super) fn is_secret(captures: &Captures<'_>) -> bool {
    group(captures).is_some_and(|value| is_value(value.as_str()) && !is_prose(value.as_str()))
}

/// Whether base64 holds a name and a password, or a key.
pub(super) fn is_encoded(captures: &Captures<'_>) -> bool {
    group(captures).is_some_and(|value| {
        let start = decoded(value.as_str());
        start.contains(&b':') && start.iter().all(|byte| (b' '..=b'~').contains(byte))
            || start.starts_with(b"-----BEGIN")
    })
}

/// Whether it is random.
pub(super) fn is_mixed(captures: &Captures<'_>) -> bool {
    group(captures).is_some_and(|value| mixed(value.as_str()))
}

/// What base64 stands for, as far as its first 60 bytes.
fn decoded(text: &str) -> Vec<u8> {
    let sextet = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let sextets: Vec<u8> = text.bytes().map_while(sextet).take(80).collect();
    let bytes = sextets.chunks(4).flat_map(|chunk| {
        let bits = chunk.iter().fold(0_u32, |bits, sextet| bits << 6 | u32::from(*sextet));
        let [_, bytes @ ..] = (bits << (6 * (4 - chunk.len()))).to_be_bytes();
        bytes.into_iter().take(chunk.len() * 3 / 4)
    });
    bytes.collect()
}

/// Of the lines behind the head of a block those that belong to it: indented deeper than its name, and as deeply as the first.
pub(super) fn block(text: &str, lines: Range<usize>) -> Range<usize> {
    let head = text[..lines.start].trim_end().rsplit('\n').next().map_or(0, indent);
    let all = &text[lines.clone()];
    let first = all.lines().find(|line| !line.trim().is_empty()).map_or(0, indent);
    let (mut at, mut end) = (lines.start, lines.start);
    for line in all.split_inclusive('\n') {
        if !line.trim().is_empty() {
            if indent(line) < first.max(head + 1) {
                break;
            }
            end = at + line.trim_end().len();
        }
        at += line.len();
    }
    let start = lines.start + (all.len() - all.trim_start().len());
    start.min(end)..end
}
