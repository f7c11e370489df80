//! Whose the log of an overnight run is, `logs/overnight_<time>.log`: the script that writes it calls the session
//! `<project>_<time>` and names the project in the log's first lines.

use crate::clean::Cleaner;

/// The first bytes of a log in which it says whose it is.
pub const HEAD_BYTES: usize = 4 << 10;

/// What an overnight log is named after: the time at which it began, or its session. `None`: another file. `path` is
/// relative to the folder of logs.
#[must_use]
pub fn mark(path: &str) -> Option<&str> {
    let mark = path.strip_prefix("overnight_")?.strip_suffix(".log")?;
    Some(mark).filter(|mark| !mark.is_empty() && !mark.contains('/'))
}

/// The session of a log that is named after this mark and begins with these bytes; `None` while they name none.
#[must_use]
pub fn session(mark: &str, head: &[u8], cleaner: &Cleaner) -> Option<String> {
    let is_time = mark
        .chars()
        .all(|letter| letter.is_ascii_digit() || matches!(letter, '_' | '-'));
    if !is_time {
        return Some(cleaner.word(mark));
    }
    let head = String::from_utf8_lossy(head.get(..HEAD_BYTES).unwrap_or(head));
    // The last line may go on.
    let lines = head.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let lines: Vec<String> = lines.map(|line| cleaner.log_line(line).0).collect();
    let named = |label: &str| {
        let mut values = lines.iter().filter_map(|line| Some(line.split_once(label)?.1.trim()));
        values.find(|value| !value.is_empty()).map(|value| cleaner.word(value))
    };
    named("Session:").or_else(|| Some(format!("{}_{mark}", named("Project:")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session_of(path: &str, head: &str) -> Option<String> {
        session(mark(path)?, head.as_bytes(), &Cleaner::default())
    }

    #[test]
    fn an_overnight_log_is_the_sessions_that_its_name_and_its_first_lines_name() {
        let path = "overnight_20260131_220000.log";
        let head =
            "\u{1b}[0;32m🌙 STARTED\u{1b}[0m\n━━━\n📋 Project: \u{1b}[0;34mnotes\u{1b}[0m\n📝 Task: Build notes\n";
        assert_eq!(session_of(path, head).as_deref(), Some("notes_20260131_220000"));
        assert_eq!(
            session_of(path, "Session: notes_7\nProject: notes\n").as_deref(),
            Some("notes_7")
        );
        assert_eq!(
            session_of("overnight_notes_7.log", "begun\n").as_deref(),
            Some("notes_7")
        );
        // The line may not be whole yet.
        for early in ["", "📋 Project: no", "Project:\n", "📊 Session statistics:\n"] {
            assert_eq!(session_of(path, early), None, "{early:?}");
        }
    }

    #[test]
    fn other_files_are_no_overnight_logs() {
        for path in [
            "overnight.log",
            "overnight_.log",
            "overnight_1.txt",
            "ralph_x/overnight_1.log",
            "overnight_a/b.log",
        ] {
            assert_eq!(mark(path), None, "{path}");
        }
    }
}
