//! Words that producers use for how something went, as far as more than one crate has to know them.

/// What says that the failure named beside it is being dealt with, or that there is none.
const NOT_FAILED: [&str; 8] = [
    "fixed",
    "healed",
    "no",
    "recovered",
    "resolved",
    "retry",
    "without",
    "zero",
];

/// Whether a producer's word, such as `tests_failed_max_iterations`, says that something failed: a part of it is about a
/// failure, an error or a timeout, and none says that work goes on (`fixing_errors`, `retrying after timeout`).
#[must_use]
pub fn says_failure(word: &str) -> bool {
    let word = word.to_lowercase();
    let parts = || {
        let parts = word.split(|letter: char| !letter.is_alphanumeric());
        parts.filter(|part| !part.is_empty())
    };
    let fails = |part: &str| part.contains("fail") || part.contains("error") || part.contains("timeout");
    let goes_on = |part: &str| {
        NOT_FAILED.contains(&part) || part.bytes().all(|byte| byte == b'0') || (part.ends_with("ing") && !fails(part))
    };
    // `timeout`, in two words.
    let timed_out = parts().zip(parts().skip(1)).any(|pair| pair == ("timed", "out"));
    (parts().any(fails) || timed_out) && !parts().any(goes_on)
}

#[cfg(test)]
mod tests {
    use super::says_failure;

    #[test]
    fn words_of_failure_are_told_from_words_of_work_on_a_failure() {
        let failed = "failed|FAILED|failure|error|timeout|timed_out|Timed Out|tests_failed_max_iterations|\
                      FAILED_MAX_ITERATIONS|build-failed|deploy_error|testsFailed|errored|network timeout|tests failing";
        for word in failed.split('|') {
            assert!(says_failure(word), "{word}");
        }
        let works = "fixing_errors|retrying after timeout|self-healing (2 failed)|no errors|0 failures|\
                     failed, retrying|fixed_failures|testing|in_progress|completed|";
        for word in works.split('|') {
            assert!(!says_failure(word), "{word}");
        }
    }
}
