//! Test reports that a model wrote in Markdown, and the count of rounds. Numbers come from explicit statements ("86 passed,
//! 2 failed"), else from one mark per line ("✅ PASS"), never from the word PASS in prose; where nothing countable stands,
//! the numbers are absent.

mod marks;
pub(crate) mod output;
mod statements;
mod verdict;

use forgecast_protocol::event::{Fact, TestBasis, TestsReported};

use self::statements::Counts;
use super::Decoded;

/// Longest line that is looked at, in bytes; runners and models write shorter ones.
const MAX_LINE: usize = 2 << 10;
/// Most rounds that are believed.
const MAX_ROUNDS: u32 = 1_000;

/// Reads a report on the round `iteration`, or on the whole build. Anything can be read; at worst it says nothing.
#[must_use]
pub(crate) fn decode_report(bytes: &[u8], iteration: Option<u32>) -> Decoded {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<String> = text.lines().filter(|line| line.len() <= MAX_LINE).map(bare).collect();
    let counts = statements::strongest(&lines)
        .or_else(|| marks::count(&lines))
        .unwrap_or_default();
    let verdict = verdict::of(&lines, &counts);
    let Counts {
        total, passed, failed, ..
    } = counts.completed();
    Decoded {
        facts: vec![Fact::TestsReported(TestsReported {
            iteration,
            total,
            passed,
            failed,
            verdict,
            basis: TestBasis::Report,
        })],
        ..Decoded::default()
    }
}

/// Reads `test-iteration-count.txt`: a number alone, or the only number of its first line.
#[must_use]
pub(crate) fn decode_count(bytes: &[u8]) -> Decoded {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_LINE)]);
    let line = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty());
    let Some(line) = line else {
        return Decoded::default();
    };
    let mut numbers = line
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| !part.is_empty());
    let round = match (numbers.next().map(str::parse), numbers.next(), line.contains('-')) {
        (Some(Ok(round)), None, false) if round <= MAX_ROUNDS => round,
        _ => {
            let why = "expected the number of the current round of tests".to_owned();
            return Decoded {
                bad_fields: vec![("count".to_owned(), why)],
                ..Decoded::default()
            };
        }
    };
    if round == 0 {
        return Decoded::default();
    }
    Decoded {
        facts: vec![Fact::TestsReported(TestsReported {
            iteration: Some(round),
            total: None,
            passed: None,
            failed: None,
            verdict: None,
            basis: TestBasis::Report,
        })],
        ..Decoded::default()
    }
}

/// A line without Markdown's emphasis and code marks, and without escape sequences.
fn bare(line: &str) -> String {
    let plain = crate::clean::plain_line(line);
    plain.chars().filter(|letter| !matches!(letter, '*' | '`')).collect()
}
