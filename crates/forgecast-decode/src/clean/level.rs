//! How serious a log line says it is, where loggers say it: in one of its first words, in a field of a JSON line, as
//! `level=…`. The word `error` in the middle of a sentence says nothing.

use forgecast_protocol::batch::LogLevel;

/// How many words of a line are looked at.
const WORDS: usize = 8;
/// How far a JSON line is searched for its level, in bytes.
const JSON_WINDOW: usize = 1 << 10;

/// The level of a clean line.
pub(super) fn of(line: &str) -> Option<LogLevel> {
    let line = line.trim_start();
    if line.starts_with('{') {
        return in_json(line);
    }
    if line.starts_with("Traceback (most recent call last)") || line.starts_with("npm ERR!") {
        return Some(LogLevel::Error);
    }
    if line.starts_with("thread '") && line.contains("panicked at") {
        return Some(LogLevel::Error);
    }
    in_first_words(line).or_else(|| in_logfmt(line))
}

fn in_first_words(line: &str) -> Option<LogLevel> {
    for (index, word) in line.split_whitespace().take(WORDS).enumerate() {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        // `error[E0308]:`
        let stem = bare.split(['[', '(', ':', '/']).next().unwrap_or(bare);
        let is_marked =
            stem.chars().all(char::is_uppercase) || word.ends_with(':') || word.starts_with(['[', '<', '(']);
        if let Some(level) = named(stem)
            && (is_marked || (index == 0 && word.contains(':')))
        {
            return Some(level);
        }
        if !is_prefix(word, bare) {
            return None;
        }
    }
    None
}

/// Whether a word may stand before the level: a time, a number, a bracket, a module, a mark.
fn is_prefix(word: &str, bare: &str) -> bool {
    bare.is_empty()
        || word.starts_with(['[', '(', '<', '|'])
        || word.ends_with([']', ':', '|'])
        || bare.bytes().any(|byte| byte.is_ascii_digit())
        || bare.contains("::")
        || bare.contains('.')
        || MONTHS_AND_DAYS.contains(&bare)
}

const MONTHS_AND_DAYS: &[&str] = &[
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon", "Tue", "Wed", "Thu",
    "Fri", "Sat", "Sun",
];

fn in_logfmt(line: &str) -> Option<LogLevel> {
    line.split_whitespace().find_map(|word| {
        let value = word.strip_prefix("level=").or_else(|| word.strip_prefix("lvl="))?;
        named(value.trim_matches('"'))
    })
}

/// `"level":"warn"`, `"severity":"ERROR"`, `"level":50`, without reading the whole line as JSON.
fn in_json(line: &str) -> Option<LogLevel> {
    let window = super::prefix(line, JSON_WINDOW);
    ["\"level\"", "\"severity\"", "\"levelname\"", "\"lvl\"", "\"log.level\""]
        .iter()
        .find_map(|key| {
            let after = window.split_once(key)?.1.trim_start().strip_prefix(':')?.trim_start();
            if let Some(text) = after.strip_prefix('"') {
                return named(text.split('"').next()?);
            }
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            numbered(after[..digits].parse().ok()?)
        })
}

/// The numbers of pino and bunyan, of Python's `logging`.
fn numbered(number: u32) -> Option<LogLevel> {
    match number {
        10 | 20 => Some(LogLevel::Debug),
        30 => Some(LogLevel::Info),
        40 => Some(LogLevel::Warn),
        50 | 60 => Some(LogLevel::Error),
        _ => None,
    }
}

/// The level that a word names.
pub(crate) fn named(word: &str) -> Option<LogLevel> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "error" | "err" | "fatal" | "critical" | "crit" | "panic" | "emerg" | "alert" | "severe" => {
            Some(LogLevel::Error)
        }
        "warn" | "warning" => Some(LogLevel::Warn),
        "info" | "notice" | "information" => Some(LogLevel::Info),
        "debug" | "trace" | "verbose" => Some(LogLevel::Debug),
        _ => None,
    }
}
