//! Finds words that the project does not use (`xtask/words.txt`) in everything that is committed and written by hand.

use std::fs;

use crate::Result;
use crate::tool::{self, Tool};

const LIST: &str = "xtask/words.txt";
/// Kinds of files that are read.
const KINDS: [&str; 11] = [
    "rs", "ts", "svelte", "css", "html", "md", "toml", "sql", "yml", "sh", "py",
];
/// Recorded or generated text, and what others wrote.
const SKIPPED: [&str; 3] = [
    "fixtures/",
    "crates/forgecast-ingest/tests/corpus/",
    "docs/configuration.md",
];

/// Where an entry applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Anywhere in the text.
    Text,
    /// Only where code declares something of that name, and in names of files.
    Names,
}

/// One line of the list.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    scope: Scope,
    word: &'a str,
    replacement: &'a str,
    /// Beginnings of paths where the word may stand, because something stored or sent has that name.
    except: Vec<&'a str>,
}

/// Compares and prints one line.
pub(crate) fn run() -> Result {
    let list = read(LIST)?;
    let entries = parse(&list)?;
    let tracked = Tool::new(".", "git", &["ls-files", "--cached", "--others", "--exclude-standard"]).output()?;
    let mut found = Vec::new();
    let mut files = 0_usize;
    for path in tracked.lines().filter(|path| is_read(path)) {
        // A file that was removed and not committed yet is still listed.
        if let Ok(text) = fs::read_to_string(tool::root().join(path)) {
            files += 1;
            found.extend(check(path, &text, &entries));
        }
    }
    if found.is_empty() {
        println!("words: {} words are not in {files} files", entries.len());
        Ok(())
    } else {
        Err(format!("words that {LIST} replaces:\n  {}", found.join("\n  ")))
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(tool::root().join(path)).map_err(|error| format!("cannot read {path}: {error}"))
}

fn is_read(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, kind)| KINDS.contains(&kind))
        && !SKIPPED.iter().any(|skipped| path.contains(skipped))
}

/// Reads the list: `word => replacement`, then perhaps `| except path path`, below `[text]` or `[names]`.
fn parse(list: &str) -> Result<Vec<Entry<'_>>> {
    let mut scope = None;
    let mut entries = Vec::new();
    for (number, line) in list.lines().enumerate() {
        let line = line.trim();
        match line {
            "[text]" => scope = Some(Scope::Text),
            "[names]" => scope = Some(Scope::Names),
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => {
                let (rule, except) = line.split_once(" | except ").unwrap_or((line, ""));
                let (Some(scope), Some((word, replacement))) = (scope, rule.split_once(" => ")) else {
                    return Err(format!(
                        "{LIST}:{}: expected `word => replacement` below [text] or [names]",
                        number + 1
                    ));
                };
                entries.push(Entry {
                    scope,
                    word: word.trim(),
                    replacement: replacement.trim(),
                    except: except.split_whitespace().collect(),
                });
            }
        }
    }
    Ok(entries)
}

/// Every use of a word in one file, as `path:line: word => replacement`.
fn check(path: &str, text: &str, entries: &[Entry<'_>]) -> Vec<String> {
    let lowercase = text.to_ascii_lowercase();
    let mut found = Vec::new();
    let entries = entries
        .iter()
        .filter(|entry| !entry.except.iter().any(|except| path.starts_with(except)));
    for entry in entries {
        let mut report = |line: usize| found.push(format!("{path}:{line}: {} => {}", entry.word, entry.replacement));
        // A word with a capital letter is meant exactly so.
        let exact = entry.scope == Scope::Names || entry.word.contains(|letter: char| letter.is_ascii_uppercase());
        let searched = if exact { text } else { lowercase.as_str() };
        for at in uses(searched, entry.word) {
            if entry.scope == Scope::Text || declares(&searched[..at]) {
                report(1 + searched[..at].matches('\n').count());
            }
        }
        if entry.scope == Scope::Names && stem(path) == entry.word {
            report(1);
        }
    }
    found
}

/// Where `word` stands in `text`, as a whole word but for the sides where it has a `*`.
fn uses<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = word.trim_matches('*');
    let is_end = |letter: Option<char>| !letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    text.match_indices(part).map(|(at, _)| at).filter(move |&at| {
        (word.starts_with('*') || is_end(text[..at].chars().next_back()))
            && (word.ends_with('*') || is_end(text[at + part.len()..].chars().next()))
    })
}

/// Whether the text ends with what introduces a name in Rust or TypeScript.
fn declares(before: &str) -> bool {
    const KEYWORDS: [&str; 9] = [
        "struct",
        "enum",
        "trait",
        "type",
        "fn",
        "mod",
        "class",
        "interface",
        "function",
    ];
    let last = before
        .trim_end_matches(' ')
        .rsplit(|letter: char| !letter.is_alphanumeric())
        .next();
    before.ends_with(' ') && last.is_some_and(|word| KEYWORDS.contains(&word))
}

/// The name of a file up to its first dot.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
# A list.
[text]
*colour* => color
nobody comes in => every request needs | except docs/
Took => Duration

[names]
Told => LastSent
told => sent
";

    fn found(path: &str, text: &str) -> Vec<String> {
        check(path, text, &parse(LIST).unwrap())
    }

    #[test]
    fn a_word_is_found_by_the_line_and_told_with_its_replacement() {
        assert_eq!(
            found("a.rs", "let x;\nlet backgroundColour;"),
            ["a.rs:2: *colour* => color"]
        );
        assert_eq!(
            found("a.md", "Nobody comes in."),
            ["a.md:1: nobody comes in => every request needs"]
        );
        assert_eq!(found("a.svelte", "<b>Took</b>"), ["a.svelte:1: Took => Duration"]);
    }

    #[test]
    fn other_words_other_cases_and_excepted_paths_are_not_found() {
        for text in [
            "It took long.",
            "color",
            "nobody comes into it",
            "fn mistold() {}",
            "Told us so.",
        ] {
            assert_eq!(found("a.rs", text), [""; 0], "{text}");
        }
        assert_eq!(found("docs/a.md", "Nobody comes in."), [""; 0]);
    }

    #[test]
    fn a_name_is_found_where_it_is_declared_and_as_a_file() {
        for text in ["pub(crate) struct Told<'a> {", "type Told = u8;", "enum Told {}"] {
            assert_eq!(found("a.rs", text), ["a.rs:1: Told => LastSent"], "{text}");
        }
        assert_eq!(found("a.ts", "export function told() {"), ["a.ts:1: told => sent"]);
        assert_eq!(found("src/told.rs", ""), ["src/told.rs:1: told => sent"]);
    }

    #[test]
    fn a_line_that_is_no_entry_is_refused() {
        for list in ["colour => color", "[text]\ncolour"] {
            assert!(parse(list).is_err(), "{list}");
        }
    }
}
