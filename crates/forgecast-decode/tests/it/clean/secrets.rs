//! Secrets of the forms of today go, and not a byte of what only looks like them: the corpus in `tests/corpus/secrets`.

use forgecast_decode::clean::{Cleaner, LogState};
use forgecast_decode::mask::{MASK, MAX_OWN, Rules};
use proptest::prelude::*;

const MUST_MASK: &str = include_str!("../../corpus/secrets/must_mask.txt");
const MUST_STAY: &str = include_str!("../../corpus/secrets/must_stay.txt");

/// A line of the corpus.
struct Case {
    rule: &'static str,
    text: String,
    clean: String,
    secrets: Vec<String>,
}

fn lines(corpus: &'static str) -> impl Iterator<Item = &'static str> {
    corpus.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn cases() -> Vec<Case> {
    lines(MUST_MASK).map(case).collect()
}

fn case(line: &'static str) -> Case {
    let (rule, marked) = line.split_once('\t').unwrap();
    let marked = marked.replace('¦', "").replace('␊', "\n").replace('␛', "\u{1b}");
    let (mut clean, mut secrets, mut rest) = (String::new(), Vec::new(), marked.as_str());
    while let Some((before, after)) = rest.split_once('«') {
        let (secret, after) = after.split_once('»').unwrap();
        clean.push_str(before);
        clean.push_str(MASK);
        secrets.push(secret.to_owned());
        rest = after;
    }
    clean.push_str(rest);
    assert!(!secrets.is_empty(), "{line}");
    Case {
        rule,
        text: marked.replace(['«', '»'], ""),
        clean,
        secrets,
    }
}

fn names() -> Vec<String> {
    Rules::default().names().map(str::to_owned).collect()
}

#[test]
fn every_secret_of_the_corpus_is_masked_and_nothing_beside_it() {
    let cleaner = Cleaner::default();
    let mut wrong = Vec::new();
    for case in cases() {
        let found = cleaner.text(&case.text);
        if found != cleaner.text(&case.clean) || found.matches(MASK).count() != case.secrets.len() {
            wrong.push(format!("{}: {:?}\n  gives {found:?}", case.rule, case.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_is_in_the_corpus_and_finds_its_secrets_alone() {
    let names = names();
    let cases = cases();
    for name in &names {
        let others: Vec<String> = names.iter().filter(|other| *other != name).cloned().collect();
        let alone = Cleaner::new(Rules::new(&[], &others).unwrap());
        let own: Vec<&Case> = cases.iter().filter(|case| case.rule == name).collect();
        assert!(!own.is_empty(), "{name} is not in the corpus");
        for case in own {
            assert!(alone.text(&case.text).contains(MASK), "{name}: {}", case.text);
        }
    }
    for case in &cases {
        assert!(names.iter().any(|name| name == case.rule), "{}", case.rule);
    }
}

#[test]
fn the_documentation_names_every_rule() {
    let documentation = include_str!("../../../../../docs/inputs.md");
    for name in names() {
        assert!(documentation.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn no_look_alike_changes() {
    let rules = Rules::default();
    let mut wrong = Vec::new();
    for line in lines(MUST_STAY) {
        let text = line.replace('␊', "\n");
        let found = rules.mask(&text);
        if found != text {
            wrong.push(format!("{text:?}\n  gives {found:?}"));
        }
        let mut state = LogState::default();
        for line in text.split('\n') {
            let shown = Cleaner::default().next_log_line(&mut state, line).0;
            if shown.contains(MASK) && !line.contains(MASK) {
                wrong.push(format!("as lines of a log {line:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_secret_is_masked_in_a_log_a_document_and_a_value() {
    let cleaner = Cleaner::default();
    for case in cases() {
        let mut state = LogState::default();
        let lines = case.text.split('\n');
        let log: Vec<String> = lines.map(|line| cleaner.next_log_line(&mut state, line).0).collect();
        let document = cleaner.text(&format!("# Title\n\n{}\n\nmore\n", case.text));
        let value = cleaner
            .value(serde_json::json!({ "a": [{ "b": case.text }] }))
            .to_string();
        for secret in &case.secrets {
            // What is left of a secret in its middle, where the mask may have a part of its own at neither edge.
            let tail: String = secret.lines().max_by_key(|line| line.len()).unwrap().to_owned();
            for shown in [&log.join("\n"), &document, &value] {
                assert!(!shown.contains(&tail), "{}: {shown}", case.text);
            }
        }
    }
}

#[test]
fn colors_within_a_secret_do_not_hide_it() {
    let cleaner = Cleaner::default();
    for case in cases()
        .iter()
        .filter(|case| case.text.is_ascii() && !case.text.contains('\u{1b}'))
    {
        let mut colored = String::new();
        for (at, letter) in case.text.chars().enumerate() {
            if at % 5 == 2 {
                colored.push_str(["\u{1b}[31m", "\u{1b}[0m", "\u{200b}", "\u{1b}]0;x\u{7}"][at / 5 % 4]);
            }
            colored.push(letter);
        }
        assert_eq!(cleaner.text(&colored), cleaner.text(&case.text));
        let mut states = [LogState::default(); 2];
        for (colored, plain) in colored.split('\n').zip(case.text.split('\n')) {
            let shown = cleaner.next_log_line(&mut states[0], colored).0;
            assert_eq!(shown, cleaner.next_log_line(&mut states[1], plain).0);
        }
    }
}

#[test]
fn a_key_in_a_log_is_masked_whatever_precedes_its_lines() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    for (before, after) in [
        ("", ""),
        ("+", ""),
        ("    12→", ""),
        ("2026-01-31T08:15:00Z INFO deploy: ", ""),
        ("\"", "\\n\" +"),
    ] {
        let cleaner = Cleaner::default();
        let mut state = LogState::default();
        let mut shown = |line: &str| cleaner.next_log_line(&mut state, &format!("{before}{line}{after}")).0;
        assert!(shown("-----BEGIN PRIVATE KEY-----").contains(MASK), "{before}");
        assert_eq!(shown(body), MASK, "{before}");
        assert_eq!(shown(body), MASK, "{before}");
        assert_eq!(shown("-----END PRIVATE KEY-----"), MASK, "{before}");
        assert!(!shown("the log goes on here").contains(MASK), "{before}");
    }
    let cleaner = Cleaner::default();
    let mut state = LogState::default();
    let mut shown = |line: &str| cleaner.next_log_line(&mut state, line).0;
    assert_eq!(shown("-----BEGIN PRIVATE KEY-----"), MASK);
    assert_eq!(shown(body), MASK);
    assert_eq!(shown(&format!("{body} (attempt 2 of 10)")), MASK);
    assert_eq!(shown("the key was never finished"), "the key was never finished");
    assert_eq!(shown("done"), "done");
    let spoken = "if text.startswith(\"-----BEGIN PRIVATE KEY-----\"):";
    assert_eq!(shown(spoken), spoken);
    assert_eq!(shown("    return"), "    return");
}

#[test]
fn rules_of_ones_own_mask_their_group_beside_the_built_in_ones() {
    let extra = |name: &str, pattern: &str| (name.to_owned(), pattern.to_owned());
    let own = [
        extra("ticket", r"TICKET-(\d{4})-x"),
        extra("host", r"[a-z]+\.corp\.example"),
    ];
    let rules = Rules::new(&own, &["url-password".to_owned()]).unwrap();
    assert_eq!(
        rules.mask("TICKET-1234-x on db.corp.example, postgres://app:hunter2@db/x, password=hunter2"),
        "TICKET-[masked]-x on [masked], postgres://app:hunter2@db/x, password=[masked]"
    );
    for bad in ["(", "a{5000000}", "x*", r"\[masked"] {
        let error = Rules::new(&[extra("sources.mask[3]", bad)], &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("sources.mask[3]"), "{error}");
    }
    let room = MAX_OWN;
    assert!(room >= 30 && room + names().len() <= 128, "{room}");
    let many = |count: usize| (0..count).map(|n| extra(&format!("r{n}"), "zz+")).collect::<Vec<_>>();
    assert!(Rules::new(&many(room), &[]).is_ok());
    let error = Rules::new(&many(room + 1), &[]).unwrap_err().to_string();
    assert!(error.contains(&format!("at most {room}")), "{error}");
}

#[test]
fn everything_can_be_switched_off() {
    let off = Rules::new(&[], &names()).unwrap();
    for case in cases() {
        assert_eq!(off.mask(&case.text), case.text);
    }
}

/// Text of pieces of the corpus, cut and joined at random.
fn torn() -> impl Strategy<Value = String> {
    let texts: Vec<String> = cases().into_iter().map(|case| case.text).collect();
    let texts: Vec<String> = texts.into_iter().chain(lines(MUST_STAY).map(str::to_owned)).collect();
    let piece = (
        prop::sample::select(texts),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    );
    let piece = piece.prop_map(|(text, from, to)| {
        let letters: Vec<char> = text.chars().collect();
        let (one, two) = (from.index(letters.len() + 1), to.index(letters.len() + 1));
        letters[one.min(two)..one.max(two)].iter().collect::<String>()
    });
    let glue = prop::sample::select(vec!["", "", " ", "\n", "=", ": ", "\"", "[masked]", "://", "@", ","]);
    prop::collection::vec((piece, glue), 0..6)
        .prop_map(|parts| parts.into_iter().map(|(piece, glue)| piece + glue).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn masking_twice_is_masking_once_and_text_hardly_grows(text in torn()) {
        let rules = Rules::default();
        let once = rules.mask(&text);
        prop_assert_eq!(rules.mask(&once), once.clone());
        // A secret of three letters becomes a mark of eight, with its name and its separator around it.
        prop_assert!(once.len() <= text.len() * 2 + MASK.len(), "{:?} gives {:?}", text, once);
        let cleaner = Cleaner::default();
        let (line, ..) = cleaner.log_line(&text);
        prop_assert_eq!(cleaner.log_line(&line).0, line.clone());
        let clean = cleaner.text(&text);
        prop_assert_eq!(cleaner.text(&clean), clean.clone());
    }

    #[test]
    fn a_whole_secret_is_found_wherever_it_stands(at in 0..cases().len(), before in "[ -~]{0,40}[ \n\"'(]", after in "[ \n\"')]([ -~]{0,40})") {
        let case = &cases()[at];
        let text = format!("{before}{}{after}", case.text);
        let shown = Cleaner::default().text(&text);
        let longest = case.secrets[0].lines().max_by_key(|line| line.len()).unwrap().to_owned();
        if longest.len() >= 24 && !matches!(case.rule, "env" | "assignment" | "authorization" | "cookie") {
            prop_assert!(!shown.contains(&longest), "{} gives {}", text, shown);
        }
    }
}

/// One mebibyte of what agents write: code, its documentation and logs, in pieces as they come.
fn a_mebibyte() -> Vec<&'static str> {
    let sources = [
        include_str!("../../../src/clean.rs"),
        include_str!("../../../src/agents/codex.rs"),
        include_str!("../../../../../docs/inputs.md"),
        include_str!("../../../../../docs/api/openapi-baseline.json"),
    ];
    let lines = sources.into_iter().flat_map(str::lines).cycle();
    let mut size = 0;
    lines
        .take_while(|line| {
            size += line.len() + 1;
            size < 1 << 20
        })
        .collect()
}

#[test]
fn what_agents_write_all_day_holds_no_secret() {
    let rules = Rules::default();
    let found: Vec<&str> = a_mebibyte()
        .into_iter()
        .filter(|line| rules.mask(line) != **line)
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}
