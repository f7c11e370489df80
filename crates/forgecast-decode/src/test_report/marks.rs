//! One mark per test, where a report states no numbers: `**Result:** ✅ PASS`, a cell of a table, the verbose lines of
//! pytest and Go. The word alone, in a sentence, is no mark.

use super::statements::Counts;
use super::verdict;

/// Counts the marks; `None` when there are none.
pub(super) fn count(lines: &[String]) -> Option<Counts> {
    let (mut passed, mut failed) = (0_u32, 0_u32);
    for line in lines {
        match mark(line) {
            Some(true) => passed += 1,
            Some(false) => failed += 1,
            None => {}
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
