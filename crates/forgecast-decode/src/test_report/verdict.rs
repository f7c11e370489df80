//! A report's own verdict on the whole: `Status: ✅ PASSED`, `ALL TESTS PASSED`. A wish, a condition or a plan is none.

use super::statements::Counts;

/// Names of a line that speaks of the whole.
const LABELS: &[&str] = &[
    "status",
    "overall",
    "overall status",
    "overall result",
    "test status",
    "tests status",
    "final status",
    "final result",
    "final verdict",
    "verdict",
    "test result",
    "build status",
    "outcome",
    "conclusion",
];
/// Words that make a sentence something else than a statement.
const NO_STATEMENT: &[&str] = &[
    "if",
    "when",
    "until",
    "once",
    "before",
    "unless",
    "ensure",
    "should",
    "must",
    "make",
    "verify",
    "that",
    "not",
    "expected",
    "will",
    "after",
    "whether",
    "existing",
    "previously",
    "almost",
    "nearly",
];

/// The verdict, if one is given. A sentence that the stated numbers contradict is none.
pub(super) fn of(lines: &[String], counts: &Counts) -> Option<bool> {
    let labeled = lines.iter().filter_map(|line| labeled(line)).next_back();
    let failed = counts.failed.is_some_and(|failed| failed > 0);
    labeled.or_else(|| (!failed && lines.iter().any(|line| says_all_passed(line))).then_some(true))
}

/// Whether a line's label says that it is about the whole, not about one test.
pub(super) fn is_label_of_whole(line: &str) -> bool {
    split(line).is_some_and(|(label, _)| LABELS.contains(&label.as_str()))
}

fn split(line: &str) -> Option<(String, &str)> {
    let (label, value) = line.split_once(':')?;
    let label = label.trim_matches(|letter: char| !letter.is_alphanumeric());
    Some((label.to_ascii_lowercase(), value))
}

fn labeled(line: &str) -> Option<bool> {
    let (label, value) = split(line)?;
    if !LABELS.contains(&label.as_str()) {
        return None;
    }
    let value = value
        .trim_start_matches(|letter: char| !letter.is_alphanumeric())
        .to_ascii_lowercase();
    let word = value
        .split(|letter: char| !letter.is_alphanumeric())
        .next()
        .unwrap_or_default();
    match word {
        "pass" | "passed" | "passing" | "success" | "successful" | "ok" => Some(true),
        "fail" | "failed" | "failing" | "failure" => Some(false),
        "all" => says_all_passed(&value).then_some(true),
        _ => None,
    }
}

/// Whether a line says that all tests passed.
pub(super) fn says_all_passed(line: &str) -> bool {
    let words: Vec<String> = line
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.iter().any(|word| NO_STATEMENT.contains(&word.as_str())) {
        return false;
    }
    let all_pass = |window: &[String]| window[0] == "all" && window[1] == "tests" && window[2].starts_with("pass");
    let without_numbers: Vec<String> = words
        .iter()
        .filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()))
        .cloned()
        .collect();
    without_numbers.windows(3).any(all_pass)
}
