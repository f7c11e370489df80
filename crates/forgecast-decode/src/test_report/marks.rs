//! One mark per test, where a report states no numbers: `**Result:** ✅ PASS`, a cell of a table, the verbose lines of
//! pytest and Go. The word alone, in a sentence, is no mark. Where there are none of these, a line that begins with a sign
//! is the mark of what it names: `- ✅ login works`, `✓ adds (3 ms)`.

use super::statements::Counts;
use super::verdict;

/// Signs of what passed and what failed.
const SIGNS: [(&str, bool); 8] = [
    ("✅", true),
    ("✓", true),
    ("✔", true),
    ("☑", true),
    ("❌", false),
    ("✗", false),
    ("✘", false),
    ("✖", false),
];

/// Counts the marks; `None` when there are none.
pub(super) fn count(lines: &[String]) -> Option<Counts> {
    counted(lines.iter().filter_map(|line| mark(line)))
        .or_else(|| counted(lines.iter().filter_map(|line| leading_sign(line))))
}

fn counted(marks: impl Iterator<Item = bool>) -> Option<Counts> {
    let (mut passed, mut failed) = (0_u32, 0_u32);
    for mark in marks {
        if mark {
            passed += 1;
        } else {
            failed += 1;
        }
    }
    let total = passed.checked_add(failed).filter(|total| *total > 0)?;
    Some(Counts {
        total: Some(total),
        passed: Some(passed),
        failed: Some(failed),
        skipped: None,
    })
}

/// Whether a line marks a test as passed or failed.
fn mark(line: &str) -> Option<bool> {
    if verdict::is_label_of_whole(line) {
        return None;
    }
    beside_sign(line).or_else(|| in_cell(line)).or_else(|| of_runner(line))
}

/// `✅ PASS`, `❌ FAILED`, `[PASS]`.
fn beside_sign(line: &str) -> Option<bool> {
    for (sign, good) in SIGNS {
        for (at, _) in line.match_indices(sign) {
            let after = line[at + sign.len()..].trim_start_matches(['\u{fe0f}', ' ', ':']);
            if word(after) == Some(good) {
                return Some(good);
            }
        }
    }
    if line.contains("[PASS]") || line.contains("[PASSED]") {
        return Some(true);
    }
    (line.contains("[FAIL]") || line.contains("[FAILED]")).then_some(false)
}

/// `- ✅ login works`, `✓ adds (3 ms)`, `2. ❌ logout`. What speaks of the whole is no test.
fn leading_sign(line: &str) -> Option<bool> {
    if verdict::is_label_of_whole(line) || verdict::says_all_passed(line) {
        return None;
    }
    let item = line.trim_start_matches(|letter: char| letter.is_ascii_digit() || " \t-+.)".contains(letter));
    let (sign, good) = SIGNS.into_iter().find(|(sign, _)| item.starts_with(sign))?;
    let name = item[sign.len()..].trim_start_matches('\u{fe0f}').trim();
    name.contains(char::is_alphanumeric).then_some(good)
}

/// `| login | PASS |`, `| login | ✅ |`.
fn in_cell(line: &str) -> Option<bool> {
    if !line.trim_start().starts_with('|') {
        return None;
    }
    line.split('|').find_map(|cell| match cell.trim() {
        "PASS" | "PASSED" | "Pass" | "Passed" | "✅" | "✅ Pass" | "✅ Passed" => Some(true),
        "FAIL" | "FAILED" | "Fail" | "Failed" | "❌" | "❌ Fail" | "❌ Failed" => Some(false),
        _ => None,
    })
}

/// `--- PASS: TestLogin (0.00s)`, `tests/test_a.py::test_b PASSED [ 5%]`.
fn of_runner(line: &str) -> Option<bool> {
    if let Some(after) = line.trim_start().strip_prefix("--- ") {
        return word(after);
    }
    let (_, name) = line.split_once("::")?;
    let (name, after) = name.split_once(' ')?;
    if name.is_empty() { None } else { word(after) }
}

/// The mark at the beginning of a text, in capitals.
fn word(text: &str) -> Option<bool> {
    let end = text
        .find(|letter: char| !letter.is_alphanumeric())
        .unwrap_or(text.len());
    match &text[..end] {
        "PASS" | "PASSED" => Some(true),
        "FAIL" | "FAILED" => Some(false),
        _ => None,
    }
}
