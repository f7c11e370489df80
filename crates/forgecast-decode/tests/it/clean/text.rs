//! F40: no control byte and no trick comes out, whatever goes in; cleaning what is clean changes nothing.

use forgecast_decode::clean::{Cleaner, LogState, MAX_LINE, MAX_TEXT, MAX_WORD};
use forgecast_protocol::batch::LogLevel;
use proptest::prelude::*;
use serde_json::json;

fn cleaner() -> Cleaner {
    Cleaner::default()
}

/// Characters that may never come out, besides those allowed.
fn is_forbidden(letter: char, allowed: &[char]) -> bool {
    let hidden = matches!(letter, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}');
    (letter.is_control() || hidden) && !allowed.contains(&letter)
}

#[test]
fn escape_sequences_and_invisible_characters_go() {
    for (dirty, clean) in [
        ("\u{1b}[31mred\u{1b}[0m", "red"),
        ("\u{1b}[2J\u{1b}[1;1Hhome", "home"),
        ("\u{1b}[38;5;208;1mx\u{1b}[m", "x"),
        ("\u{1b}]0;title\u{7}after", "after"),
        ("\u{1b}]8;;https://example.com\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
        ("\u{1b}]52;c;ZXZpbA==\u{7}clip", "clip"),
        ("\u{1b}Pq#0;2;0;0;0\u{1b}\\sixel", "sixel"),
        ("\u{1b}_apc\u{1b}\\x", "x"),
        ("\u{9b}31mc1\u{9d}0;t\u{9c}", "c1"),
        ("\u{1b}(Bcharset\u{1b}c", "charset"),
        ("unfinished \u{1b}[31", "unfinished "),
        ("unfinished \u{1b}]0;title\nnext", "unfinished \nnext"),
        ("\u{1b}", ""),
        ("\u{1b}ü", "ü"),
        ("nul\0bel\u{7}bs\u{8}del\u{7f}", "nulbelbsdel"),
        ("a\u{202e}b\u{2066}c\u{2069}d\u{200b}e\u{feff}f\u{ad}g", "abcdefg"),
        (
            "line\r\nline\rline\u{2028}line\u{85}end\tt",
            "line\nline\nline\nline\nend\tt",
        ),
        (
            "👩\u{200d}💻 می\u{200c}خواهم ✅\u{fe0f}",
            "👩\u{200d}💻 می\u{200c}خواهم ✅\u{fe0f}",
        ),
        ("日本語 äöü", "日本語 äöü"),
    ] {
        assert_eq!(cleaner().text(dirty), clean, "{dirty:?}");
    }
    assert_eq!(cleaner().line("  a\nb\tc\r\nd  "), "a b c d");
}

#[test]
fn what_is_too_long_is_cut_with_a_mark() {
    let cleaner = cleaner();
    let long = "wörd ".repeat(40_000);
    for (text, limit) in [
        (cleaner.text(&long), MAX_TEXT),
        (cleaner.line(&long), MAX_LINE),
        (cleaner.word(&long), MAX_WORD),
        (cleaner.log_line(&long).0, MAX_LINE),
    ] {
        assert!(text.len() <= limit && text.len() > limit - 16, "{}", text.len());
        assert!(text.ends_with('…'));
    }
    let value = cleaner.value(json!({"a": [long.clone(), long.clone(), long], "b": 1}));
    assert!(value.to_string().len() < 70_000);
    assert_eq!(cleaner.value(value.clone()), value);
}

#[test]
fn a_secret_at_the_edge_of_what_is_kept_ends_the_cutting() {
    let cleaner = cleaner();
    for start in 0..260 {
        let text = format!("{}password=abc1 and more {}", "x ".repeat(start), "y".repeat(300));
        let word = cleaner.word(&text);
        assert!(word.len() <= MAX_WORD, "{word}");
        assert_eq!(cleaner.word(&word), word);
    }
    for part in ["password=abc1 ", "token: a1b2c3d4 ", "://a:b@ ", "Cookie: x"] {
        assert!(cleaner.word(&part.repeat(100)).len() <= MAX_WORD, "{part}");
        assert!(cleaner.text(&part.repeat(10_000)).len() <= MAX_TEXT, "{part}");
    }
}

#[test]
fn colors_become_spans_counted_as_browsers_count() {
    let (text, spans, level) =
        cleaner().log_line("\u{1b}[1;31mERROR\u{1b}[0m 😀 \u{1b}[4;38;5;10mok\u{1b}[24m!\u{1b}[0m");
    assert_eq!(text, "ERROR 😀 ok!");
    let spans: Vec<(u32, u32, &str)> = spans
        .iter()
        .map(|span| (span.start, span.end, span.style.as_str()))
        .collect();
    assert_eq!(
        spans,
        [(0, 5, "bold fg-1"), (9, 11, "underline fg-10"), (11, 12, "fg-10")]
    );
    assert_eq!(level, Some(LogLevel::Error));
    for (code, style) in [
        ("2;3", "dim italic"),
        ("97;44", "fg-15 bg-4"),
        ("38;2;255;0;0", "fg-9"),
        ("38:2::0:255:0", "fg-10"),
        ("38:5:4", "fg-4"),
        ("48;5;232", "bg-0"),
        ("4:3", "underline"),
        ("1;38;5;300", "bold"),
    ] {
        let (_, spans, _) = cleaner().log_line(&format!("\u{1b}[{code}mx"));
        assert_eq!(spans.first().map(|span| span.style.as_str()), Some(style), "{code}");
    }
    let (_, spans, _) = cleaner().log_line("\u{1b}[1mx\u{1b}[0m\u{1b}[>4;1mplain");
    assert_eq!(spans.len(), 1);
}

#[test]
fn a_line_that_overwrites_itself_shows_its_end() {
    assert_eq!(cleaner().log_line("10%\r20%\r100% done\r").0, "100% done");
    assert_eq!(cleaner().log_line("one\r\n").0, "one");
    assert_eq!(cleaner().log_line("one\ntwo").0, "one two");
}

#[test]
fn spans_move_with_what_is_masked() {
    let (text, spans, _) = cleaner()
        .log_line("key \u{1b}[31mghp_000000000000000000000000000000000000\u{1b}[0m and \u{1b}[32mmore\u{1b}[0m");
    assert_eq!(text, "key [masked] and more");
    let spans: Vec<(u32, u32)> = spans.iter().map(|span| (span.start, span.end)).collect();
    assert_eq!(spans, [(4, 12), (17, 21)]);
}

#[test]
fn a_level_is_read_where_loggers_write_it() {
    use LogLevel::{Debug, Error, Info, Warn};
    for (line, level) in [
        ("2026-01-31 08:15:00,123 - app.main - WARNING - slow", Some(Warn)),
        ("2026-01-31 08:15:00,123 WARNING app.main slow", Some(Warn)),
        ("2026-01-31T08:15:00Z  INFO forgecast::hub: started", Some(Info)),
        ("[2026-01-31 08:15:00] [ERROR] boom", Some(Error)),
        ("ERROR: boom", Some(Error)),
        ("error[E0308]: mismatched types", Some(Error)),
        ("warning: unused variable", Some(Warn)),
        ("DEBUG x", Some(Debug)),
        ("npm ERR! code 1", Some(Error)),
        ("Traceback (most recent call last):", Some(Error)),
        ("{\"time\":1,\"level\":\"warn\",\"msg\":\"error\"}", Some(Warn)),
        ("{\"level\":50,\"msg\":\"x\"}", Some(Error)),
        ("{\"msg\":\"level\"}", None),
        ("ts=1 level=debug msg=x", Some(Debug)),
        ("No error was found in the file", None),
        ("0 errors, 3 warnings", None),
        ("information about things", None),
        ("Error handling was improved", None),
        ("", None),
    ] {
        assert_eq!(cleaner().log_line(line).2, level, "{line}");
    }
}

#[test]
fn a_private_key_over_many_lines_is_masked_on_each() {
    let cleaner = cleaner();
    let mut state = LogState::default();
    let lines = [
        "before",
        "-----BEGIN RSA PRIVATE KEY-----",
        "bm90IGEga2V5IGF0IGFsbA==",
        "-----END RSA PRIVATE KEY-----",
        "after",
    ];
    let cleaned: Vec<String> = lines
        .iter()
        .map(|line| cleaner.next_log_line(&mut state, line).0)
        .collect();
    assert_eq!(cleaned, ["before", "[masked]", "[masked]", "[masked]", "after"]);
}

/// Text made of what is dangerous and what is common.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<char>().prop_map(String::from),
        "[ -~]{0,12}",
        prop::sample::select(vec![
            "\u{1b}[31m",
            "\u{1b}[0m",
            "\u{1b}[",
            "\u{1b}]0;",
            "\u{7}",
            "\u{1b}\\",
            "\u{9b}",
            "\u{9d}",
            "\u{90}",
            "\r\n",
            "\r",
            "\n",
            "\t",
            "\u{202e}",
            "\u{200b}",
            "\u{feff}",
            "…",
            "😀",
            "password=",
            "token: ",
            "sk-",
            "ghp_",
            "AKIA",
            "://",
            "@",
            "[masked]",
            "-----BEGIN PRIVATE KEY-----",
            "-----END PRIVATE KEY-----",
            "Bearer ",
            "cookie: ",
            "a1b2c3d4e5f6a7b8c9d0",
            "\"",
            "'",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nothing_hidden_comes_out_and_clean_stays_clean(dirty in text()) {
        let cleaner = cleaner();
        let text = cleaner.text(&dirty);
        prop_assert!(!text.contains(|letter| is_forbidden(letter, &['\n', '\t'])), "{text:?}");
        prop_assert_eq!(cleaner.text(&text), text.clone());
        let line = cleaner.line(&dirty);
        prop_assert!(!line.contains(|letter| is_forbidden(letter, &[])), "{line:?}");
        prop_assert_eq!(cleaner.line(&line), line.clone());
        let (shown, spans, level) = cleaner.log_line(&dirty);
        prop_assert!(!shown.contains(|letter| is_forbidden(letter, &['\t'])), "{shown:?}");
        let again = cleaner.log_line(&shown);
        prop_assert_eq!((again.0, again.2), (shown.clone(), level));
        let units = u32::try_from(shown.encode_utf16().count()).unwrap();
        let mut last = 0;
        for span in &spans {
            prop_assert!(last <= span.start && span.start < span.end && span.end <= units, "{spans:?} in {shown:?}");
            last = span.end;
        }
    }

    #[test]
    fn what_is_long_is_clean_too(part in text(), times in 1usize..400) {
        let cleaner = cleaner();
        let word = cleaner.word(&part.repeat(times));
        prop_assert!(word.len() <= MAX_WORD);
        prop_assert_eq!(cleaner.word(&word), word.clone());
    }
}
