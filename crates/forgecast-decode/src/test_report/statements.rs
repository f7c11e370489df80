//! Explicit statements of how many tests ran, passed and failed: the last lines of test runners, labeled numbers,
//! fractions. Of several, the one on the most tests counts (a total is more than its parts), of equals the last (after the
//! repair).

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// More tests than any build runs: such a number is something else.
const MAX_COUNT: u32 = 10_000_000;
/// Labeled numbers this many lines apart belong together.
pub(super) const MAX_GAP: usize = 4;

/// How many tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) total: Option<u32>,
    pub(super) passed: Option<u32>,
    pub(super) failed: Option<u32>,
    /// Neither passed nor failed: skipped, ignored, pending.
    pub(super) skipped: Option<u32>,
}

impl Counts {
    fn is_empty(&self) -> bool {
        self.total.is_none() && self.passed.is_none() && self.failed.is_none()
    }

    /// On how many tests this is a statement.
    fn size(&self) -> u64 {
        let sum: u64 = [self.passed, self.failed, self.skipped]
            .iter()
            .flatten()
            .map(|count| u64::from(*count))
            .sum();
        sum.max(self.total.map_or(0, u64::from))
    }

    /// Whether it can be true.
    fn is_sound(&self) -> bool {
        self.total.is_none_or(|total| self.size() <= u64::from(total)) && !self.is_empty()
    }

    /// With what follows from the rest by arithmetic.
    pub(super) fn completed(mut self) -> Self {
        let skipped = self.skipped.unwrap_or(0);
        match (self.total, self.passed, self.failed) {
            (Some(total), Some(passed), None) => {
                self.failed = total.checked_sub(passed).and_then(|rest| rest.checked_sub(skipped));
            }
            (Some(total), None, Some(failed)) => {
                self.passed = total.checked_sub(failed).and_then(|rest| rest.checked_sub(skipped));
            }
            (None, Some(passed), Some(failed)) => {
                self.total = passed.checked_add(failed).and_then(|sum| sum.checked_add(skipped));
            }
            _ => {}
        }
        self
    }

    fn add(&mut self, other: &Self) {
        let sum = |one: Option<u32>, other: Option<u32>| match (one, other) {
            (Some(one), Some(other)) => one.checked_add(other),
            (one, other) => one.or(other),
        };
        self.total = sum(self.total, other.total);
        self.passed = sum(self.passed, other.passed);
        self.failed = sum(self.failed, other.failed);
        self.skipped = sum(self.skipped, other.skipped);
    }
}

/// The statement that counts, if there is any.
pub(super) fn strongest(lines: &[String]) -> Option<Counts> {
    let mut found = Vec::new();
    let mut cargo = Counts::default();
    let mut cargo_at = None;
    for (at, line) in lines.iter().enumerate() {
        if is_about_files(line) {
            continue;
        }
        let Some(counts) = in_line(line) else {
            continue;
        };
        // One line per test binary: together they are the run.
        if line.trim_start().starts_with("test result:") {
            cargo.add(&counts);
            cargo_at = Some(at);
        } else {
            join(&mut found, at, counts, MAX_GAP / 2);
        }
    }
    found.extend(labeled(lines));
    found.extend(unittest(lines));
    found.extend(cargo_at.map(|at| (at, cargo)));
    found.retain(|(_, counts)| counts.is_sound());
    found.sort_by_key(|(at, counts)| (counts.size(), *at));
    found.pop().map(|(_, counts)| counts)
}

/// Jest and Vitest count files beside tests.
fn is_about_files(line: &str) -> bool {
    let lower = line.trim_start().to_ascii_lowercase();
    [
        "test suites",
        "test files",
        "suites:",
        "files:",
        "snapshots:",
        "assertions:",
    ]
    .iter()
    .any(|start| lower.starts_with(start))
}

const NUMBER: &str = r"(\d{1,3}(?:,\d{3})+|\d+)";

macro_rules! pattern {
    ($name:ident, $($part:expr),+) => {
        // A constant, which a test below compiles.
        static $name: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(&[$($part),+].concat()).expect("a constant pattern")
        });
    };
}

// `60/68 tests passed`, `24 of 26 passing`.
pattern!(
    FRACTION,
    r"(?i)(?:^|[^\d./])",
    NUMBER,
    r"\s*(?:/|\bof\b|\bout of\b)\s*",
    NUMBER,
    r"\s+(?:(?:unit|integration|e2e|automated)\s+)?(?:tests?\s+|test cases?\s+|specs?\s+|checks?\s+|scenarios?\s+)?(?:are\s+|have\s+|were\s+|now\s+)?(pass(?:ed|ing|es)?|succeed(?:ed|ing)?|fail(?:ed|ing|s)?)\b"
);
// `All 24 tests passed`.
pattern!(
    ALL,
    r"(?i)\ball\s+",
    NUMBER,
    r"\s+(?:[a-z]+\s+){0,2}tests?\s+(?:are\s+|have\s+|were\s+)?(?:pass(?:ed|ing)?|succeed(?:ed)?|green)\b"
);
// `86 passed`, `2 tests failed`, `60 total`, with what follows it.
pattern!(
    PAIR,
    r"(?i)(?:^|[^\d./%-])",
    NUMBER,
    r"\s+(?:tests?\s+)?(passed|passing|failed|failing|failures?|errors?|skipped|ignored|pending|todo|xfailed|total)\b([^\n]?\s*\S*)"
);
// `Total Tests: 13`, `| Passed | 13 |`, `Tests Passed: 13/13`.
pattern!(
    LABEL,
    r"(?i)^[\s|>#+•✅❌✓✗☑-]*(?:number of\s+)?((?:total|all)(?:\s+(?:number of\s+)?tests?(?:\s+run)?)?|tests?(?:\s+(?:run|executed|total|count))?|(?:tests?\s+)?(?:passed|passing|failed|failing|skipped)(?:\s+tests?)?|successful tests|failures)\s*[:=|]+\s*[✅❌✓✗☑\s]*",
    NUMBER,
    r"(?:\s*/\s*",
    NUMBER,
    r")?\s*(?:tests?\b|[|(✅❌✓✗%]|$)(.?)"
);
pattern!(RAN, r"^\s*Ran ", NUMBER, r" tests? in ");
pattern!(PARTS, r"(failures|errors|skipped)=", NUMBER);

fn count(text: &str) -> Option<u32> {
    let plain: String = text.chars().filter(|letter| *letter != ',').collect();
    plain.parse().ok().filter(|count| *count <= MAX_COUNT)
}

fn group(captures: &Captures<'_>, index: usize) -> Option<u32> {
    captures.get(index).and_then(|text| count(text.as_str()))
}

/// The statement in one line.
fn in_line(line: &str) -> Option<Counts> {
    if let Some(captures) = FRACTION.captures(line) {
        let (part, total) = (group(&captures, 1)?, group(&captures, 2)?);
        let failing = captures[3].to_ascii_lowercase().starts_with("fail");
        let (passed, failed) = if failing {
            (None, Some(part))
        } else {
            (Some(part), None)
        };
        return Some(Counts {
            total: Some(total),
            passed,
            failed,
            skipped: None,
        });
    }
    if let Some(captures) = ALL.captures(line) {
        let all = group(&captures, 1);
        return Some(Counts {
            total: all,
            passed: all,
            failed: Some(0),
            skipped: None,
        });
    }
    pairs(line)
}

fn pairs(line: &str) -> Option<Counts> {
    let mut counts = Counts::default();
    let mut at = 0;
    while let Some(captures) = PAIR.captures_at(line, at) {
        let word = captures.get(2)?;
        at = word.end();
        let number = group(&captures, 1);
        let after = captures.get(3).map_or("", |text| text.as_str());
        if number.is_none() || !ends_there(after) {
            continue;
        }
        let field = match word.as_str().to_ascii_lowercase().as_str() {
            "passed" | "passing" => &mut counts.passed,
            "failed" | "failing" | "failure" | "failures" => &mut counts.failed,
            "total" => &mut counts.total,
            "error" | "errors" => {
                // pytest: a test that could not even start. Alone it is a word of any tool.
                if counts.passed.is_some() || counts.failed.is_some() {
                    counts.failed = counts.failed.unwrap_or(0).checked_add(number.unwrap_or(0));
                }
                continue;
            }
            _ => {
                counts.skipped = counts.skipped.unwrap_or(0).checked_add(number.unwrap_or(0));
                continue;
            }
        };
        if field.is_none() {
            *field = number;
        }
    }
    let stated = counts.passed.is_some() || counts.failed.is_some();
    // Vitest: `Tests  57 passed | 3 failed (60)`.
    if stated && counts.total.is_none() && line.trim_start().starts_with("Tests ") {
        let last = line.trim_end().strip_suffix(')').and_then(|line| line.rsplit_once('('));
        counts.total = last.and_then(|(_, total)| count(total));
    }
    stated.then_some(counts)
}

/// `3 failed, …` is a statement and `3 failed attempts` is not: what follows the word decides.
fn ends_there(after: &str) -> bool {
    let Some(first) = after.chars().next() else {
        return true;
    };
    if first != ' ' {
        return !first.is_alphanumeric();
    }
    let word = after.trim_start();
    let starts_word = word.starts_with(char::is_alphabetic);
    let bare = word.trim_end_matches(|letter: char| !letter.is_alphanumeric());
    !starts_word
        || [
            "in", "and", "out", "of", "with", "tests", "test", "but", "on", "across", "after",
        ]
        .contains(&bare)
}

/// Labeled numbers, those near each other taken together; a label that comes again begins another statement.
fn labeled(lines: &[String]) -> Vec<(usize, Counts)> {
    let mut found: Vec<(usize, Counts)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(captures) = LABEL.captures(line) else {
            continue;
        };
        // `Passed: 85%` is a share.
        if captures[0].ends_with('%') || captures.get(0).is_some_and(|all| line[..all.end()].contains('%')) {
            continue;
        }
        let Some(stated) = label(&captures) else {
            continue;
        };
        join(&mut found, at, stated, MAX_GAP);
    }
    found
}

/// Adds a statement, to the last one when that is near and says other things: `60 passing`, then `2 failing`.
fn join(found: &mut Vec<(usize, Counts)>, at: usize, stated: Counts, gap: usize) {
    match found.last_mut() {
        Some((last, known)) if *last <= at && at - *last <= gap && fits(known, &stated) => {
            *last = at;
            known.add(&stated);
        }
        _ => found.push((at, stated)),
    }
}

fn fits(known: &Counts, stated: &Counts) -> bool {
    let both = |one: Option<u32>, other: Option<u32>| one.is_some() && other.is_some();
    !both(known.total, stated.total)
        && !both(known.passed, stated.passed)
        && !both(known.failed, stated.failed)
        && !both(known.skipped, stated.skipped)
}

fn label(captures: &Captures<'_>) -> Option<Counts> {
    let name = captures[1].to_ascii_lowercase();
    let (number, of) = (group(captures, 2)?, group(captures, 3));
    let mut counts = Counts {
        total: of,
        ..Counts::default()
    };
    if name.contains("fail") {
        counts.failed = Some(number);
    } else if name.contains("skip") {
        counts.skipped = Some(number);
    } else if name.contains("pass") || name.contains("success") || of.is_some() {
        counts.passed = Some(number);
    } else {
        counts.total = Some(number);
    }
    Some(counts)
}

/// Python's unittest: `Ran 60 tests in 0.1s`, then `OK` or `FAILED (failures=2, errors=1)`.
fn unittest(lines: &[String]) -> Vec<(usize, Counts)> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(total) = RAN.captures(line).and_then(|captures| group(&captures, 1)) else {
            continue;
        };
        let end = lines[at + 1..].iter().take(4).map(|line| line.trim());
        for line in end {
            let part = |wanted: &str| {
                let of = |captures: Captures<'_>| (captures[1] == *wanted).then(|| group(&captures, 2)).flatten();
                PARTS.captures_iter(line).find_map(of).unwrap_or(0)
            };
            let failed = part("failures").saturating_add(part("errors"));
            if line == "OK" || line.starts_with("OK (") || (line.starts_with("FAILED (") && failed > 0) {
                let skipped = Some(part("skipped"));
                found.push((
                    at,
                    Counts {
                        total: Some(total),
                        passed: None,
                        failed: Some(failed),
                        skipped,
                    },
                ));
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [&FRACTION, &ALL, &PAIR, &LABEL, &RAN, &PARTS] {
            assert!(!pattern.is_match(""));
        }
    }
}
