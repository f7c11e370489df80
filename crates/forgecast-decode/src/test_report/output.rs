//! The results of tests in what a command prints, line by line as it is printed: only the lines that may state one are
//! remembered, and how far apart they are as far as that matters.

use std::collections::VecDeque;

use forgecast_protocol::event::{TestBasis, TestsReported};

use super::statements::{Counts, MAX_GAP, strongest};
use super::{MAX_LINE, bare};

/// Most lines that are remembered, the last ones.
const MAX_LINES: usize = 4_096;
/// Words of which a line that states a result has at least one, in lower case.
const WORDS: [&str; 6] = ["pass", "fail", "succe", "total", "tests", "ok"];

/// Recognizes the results of test runners in the output of a command.
#[derive(Debug, Default)]
pub struct TestOutput {
    lines: VecDeque<String>,
    /// Empty lines at the end, which stand for lines that state nothing.
    gap: usize,
    is_changed: bool,
}

impl TestOutput {
    /// Looks at the next line.
    pub fn line(&mut self, line: &str) {
        if !may_state(line) {
            if self.gap <= MAX_GAP && !self.lines.is_empty() {
                self.gap += 1;
                self.add(String::new());
            }
            return;
        }
        self.gap = 0;
        self.is_changed = true;
        self.add(bare(line));
    }

    fn add(&mut self, line: String) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The result by everything so far; none when nothing is stated, or nothing was said since it was asked last.
    pub fn result(&mut self) -> Option<TestsReported> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        let Counts {
            total, passed, failed, ..
        } = strongest(self.lines.make_contiguous())?.completed();
        Some(TestsReported {
            iteration: None,
            total,
            passed,
            failed,
            verdict: None,
            basis: TestBasis::Reported,
        })
    }
}

fn may_state(line: &str) -> bool {
    if line.len() > MAX_LINE {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    let has_word = WORDS.iter().any(|word| lower.contains(word));
    has_word && (lower.bytes().any(|byte| byte.is_ascii_digit()) || lower.trim() == "ok")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> Option<(Option<u32>, Option<u32>, Option<u32>)> {
        let mut output = TestOutput::default();
        text.lines().for_each(|line| output.line(line));
        output
            .result()
            .map(|result| (result.total, result.passed, result.failed))
    }

    #[test]
    fn what_runners_print_last_is_the_result() {
        let cargo = "running 2 tests\ntest a ... ok\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\nrunning 3 tests\n\
                     test result: FAILED. 2 passed; 1 failed; 0 ignored\n";
        assert_eq!(counts(cargo), Some((Some(5), Some(4), Some(1))));
        let pytest = "collected 9 items\n\u{1b}[31m===== 2 failed, 7 passed in 0.31s =====\u{1b}[0m\n";
        assert_eq!(counts(pytest), Some((Some(9), Some(7), Some(2))));
        assert_eq!(
            counts("....\nRan 4 tests in 0.1s\n\nOK\n"),
            Some((Some(4), Some(4), Some(0)))
        );
        assert_eq!(
            counts("Tests:  1 failed, 6 passed, 7 total\n"),
            Some((Some(7), Some(6), Some(1)))
        );
        assert_eq!(counts("compiling 3 files\nok\n"), None);
    }

    #[test]
    fn lines_that_are_far_apart_are_no_statement_together() {
        let far = format!("12 passing\n{}3 failing\n", "nothing\n".repeat(40));
        assert_eq!(counts(&far).unwrap().2, None);
        assert_eq!(counts("12 passing\n3 failing\n").unwrap().2, Some(3));
    }

    #[test]
    fn a_result_is_given_once_until_more_is_said() {
        let mut output = TestOutput::default();
        output.line("3 passed");
        assert!(output.result().is_some());
        assert!(output.result().is_none());
        output.line("nothing");
        assert!(output.result().is_none());
    }
}
