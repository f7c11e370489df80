use serde_json::{Value, json};

use super::*;

const URL: &str = "http://127.0.0.1:8080";

const HERE: Target<'static> = Target { url: URL, token: None };

fn nothing(_: &str) -> Option<String> {
    None
}

fn added(text: Option<&str>) -> Edited {
    add(text, HERE, nothing, None).unwrap()
}

/// The JSON of a text with comments and commas at the end.
fn value(text: &str) -> Value {
    let text = text.trim_start_matches('\u{feff}');
    let without: String = text
        .lines()
        .map(|line| line.split_once(" //").map_or(line, |(code, _)| code))
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let mut plain = without.replace("/* a */", "");
    while let Some(at) = plain.find(",}").or_else(|| plain.find(",]")) {
        plain.remove(at);
    }
    serde_json::from_str(&plain).unwrap_or_else(|error| panic!("{error}: {plain}"))
}

/// Settings as people have them.
const ODD: &[&str] = &[
    "{}",
    "{}\n",
    "{\n}\n",
    r#"{"model": "opus"}"#,
    "{\n\t\"model\": \"opus\",\n\t\"env\": {\"A\": \"1\"}\n}\n",
    "{\r\n  \"permissions\": {\r\n    \"allow\": [\"Bash(ls:*)\"]\r\n  }\r\n}\r\n",
    r#"{
  // why it is so
  "env": {
    "ZED": "1", // last
    "ALPHA": "2"
  },
  "hooks": {
    "Stop": [
      { "matcher": "", "hooks": [{ "type": "command", "command": "say done" }] }
    ],
    "SessionStart": [{ "hooks": [{ "type": "command", "command": "date" }] }],
    "PreToolUse": []
  },
  "includeCoAuthoredBy": false
}
"#,
    "{\n  \"a\": [1, 2,],\n  \"hooks\": {},\n}\n",
    "/* a */\n{\n  \"hooks\": { \"PostToolUse\": [ { \"matcher\": \"Edit|Write\", \"hooks\": [ { \"type\": \"http\", \"url\": \"https://elsewhere.example/hook\" } ] } ] }\n}",
];

#[test]
fn no_http_hook_is_put_where_its_answer_would_do_harm() {
    // Any answer to the first is taken for a path and fails the worktree; the others take no HTTP hooks.
    for event in ["WorktreeCreate", "SessionStart", "Setup"] {
        assert!(!EVENTS.contains(&event), "{event}");
    }
}

#[test]
fn hooks_and_telemetry_are_added_and_everything_else_stays() {
    for text in ODD {
        let after = added(Some(text)).text.unwrap();
        let (before, mut now) = (value(text), value(&after));
        assert_eq!(hooks(&after).unwrap().len(), EVENTS.len(), "{after}");
        for (name, wanted) in telemetry(URL) {
            assert_eq!(now["env"][name], json!(wanted), "{after}");
            now["env"].as_object_mut().unwrap().remove(name);
        }
        for event in EVENTS {
            let groups = now["hooks"][event].as_array_mut().unwrap();
            let ours = groups.pop().unwrap();
            assert_eq!(
                ours,
                json!({"hooks": [{"type": "http", "url": format!("{URL}{HOOKS}"), "timeout": 1}]})
            );
            if groups.is_empty() && before["hooks"].get(event).is_none() {
                now["hooks"].as_object_mut().unwrap().remove(event);
            }
        }
        for name in ["hooks", "env"] {
            if before.get(name).is_none() {
                assert_eq!(now[name], json!({}));
                now.as_object_mut().unwrap().remove(name);
            }
        }
        assert_eq!(now, before, "{after}");
        for comment in ["// why it is so", "// last", "/* a */"] {
            assert_eq!(text.contains(comment), after.contains(comment), "{after}");
        }
    }
}

#[test]
fn a_second_time_there_is_nothing_to_do() {
    for text in ODD {
        let first = added(Some(text));
        let again = add(first.text.as_deref(), HERE, nothing, Some(&first.added)).unwrap();
        assert_eq!(again, first);
        // Also when nobody remembers the first time.
        assert_eq!(added(first.text.as_deref()).text, first.text);
    }
}

#[test]
fn undo_takes_out_what_was_added_and_nothing_else() {
    for text in ODD {
        let first = added(Some(text));
        let after = remove(first.text.as_deref().unwrap(), Some(&first.added)).unwrap();
        let (mut before, now) = (value(text), value(after.text.as_deref().unwrap()));
        // An empty list of hooks of somebody's goes too: it said nothing.
        if let Some(events) = before.get_mut("hooks").and_then(Value::as_object_mut) {
            events.retain(|_, groups| groups != &json!([]));
        }
        assert_eq!(now, before, "{}", after.text.unwrap());
    }
    let made = added(None);
    let after = remove(made.text.as_deref().unwrap(), Some(&made.added)).unwrap();
    assert_eq!(after.text, None, "the file was made by init");
}

#[test]
fn undo_without_a_record_takes_out_what_points_to_the_same_server() {
    let after = remove(&added(Some("{\"model\": \"opus\"}")).text.unwrap(), None).unwrap();
    assert_eq!(value(&after.text.unwrap()), json!({"model": "opus"}));
    let theirs = "{\n  \"hooks\": {},\n  \"env\": {\"OTEL_LOGS_EXPORTER\": \"otlp\"}\n}\n";
    assert_eq!(remove(theirs, None).unwrap().text.unwrap(), theirs);
}

#[test]
fn telemetry_that_goes_elsewhere_is_left_and_reported() {
    let text = r#"{"env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example:4318"}}"#;
    let edited = added(Some(text));
    assert!(edited.notes[0].contains("collector.example"), "{:?}", edited.notes);
    let env = &value(&edited.text.unwrap())["env"];
    assert_eq!(env.as_object().unwrap().len(), 1, "{env}");

    let outside = |name: &str| (name == ENDPOINT).then(|| "https://collector.example".to_owned());
    let edited = add(Some("{}"), HERE, outside, None).unwrap();
    assert!(value(edited.text.as_deref().unwrap()).get("env").is_none());
    assert_eq!(edited.notes.len(), 1);
    assert_eq!(hooks(&edited.text.unwrap()).unwrap().len(), EVENTS.len());
}

#[test]
fn another_port_is_written_over_our_own_and_over_nothing_else() {
    let first = added(Some("{}"));
    let elsewhere = Target {
        url: "http://127.0.0.1:9000",
        token: None,
    };
    let moved = add(first.text.as_deref(), elsewhere, nothing, Some(&first.added)).unwrap();
    let text = moved.text.unwrap();
    assert!(!text.contains("8080") && text.contains("9000/api"), "{text}");
    assert_eq!(hooks(&text).unwrap().len(), EVENTS.len());
    assert_eq!(variable(&text, ENDPOINT).as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(remove(&text, Some(&moved.added)).unwrap().text.as_deref(), Some("{}\n"));
}

#[test]
fn what_is_no_settings_file_is_not_touched() {
    for text in [
        "[]",
        "{",
        "{\"hooks\": []}",
        "{\"hooks\": {\"Stop\": {}}}",
        "{\"env\": \"A=1\"}",
        "nonsense",
    ] {
        assert!(add(Some(text), HERE, nothing, None).is_err(), "{text}");
    }
    let off = added(Some("{\"disableAllHooks\": true}"));
    assert!(off.notes[0].contains("disableAllHooks"));
}

#[test]
fn the_change_is_shown_as_a_diff() {
    let before = "{\n  \"model\": \"opus\",\n  \"env\": {\n    \"A\": \"1\"\n  }\n}\n";
    let after = added(Some(before)).text.unwrap();
    let diff = crate::connect::diff("settings.json", before, &after);
    assert!(diff.starts_with("--- settings.json\n+++ settings.json\n@@"), "{diff}");
    let removed: Vec<&str> = diff.lines().filter(|line| line.starts_with('-')).skip(1).collect();
    // A line that gets a comma, and no other.
    assert_eq!(removed, ["-    \"A\": \"1\""], "{diff}");
}

#[test]
fn a_token_is_sent_where_one_is_wanted_and_taken_out_again() {
    let target = |token| Target { url: URL, token };
    let before = "{\n  \"model\": \"opus\"\n}\n";
    let first = add(Some(before), target(Some("fc_i_one")), nothing, None).unwrap();
    let with = first.text.clone().unwrap();
    assert_eq!(token::of(&with).as_deref(), Some("fc_i_one"));
    assert_eq!(
        with.matches("Bearer fc_i_one").count(),
        EVENTS.len(),
        "every hook: {with}"
    );
    assert_eq!(
        variable(&with, token::HEADERS).as_deref(),
        Some("Authorization=Bearer%20fc_i_one")
    );
    let same = add(Some(&with), target(Some("fc_i_one")), nothing, Some(&first.added)).unwrap();
    assert_eq!(same, first, "twice is once");
    let second = add(Some(&with), target(Some("fc_i_two")), nothing, Some(&first.added)).unwrap();
    let other = second.text.clone().unwrap();
    assert!(
        !other.contains("fc_i_one") && token::of(&other).as_deref() == Some("fc_i_two"),
        "{other}"
    );
    let without = add(Some(&other), target(None), nothing, Some(&second.added)).unwrap();
    assert!(!without.text.unwrap().contains("fc_i_"), "none is wanted any more");
    let gone = remove(&other, Some(&second.added)).unwrap();
    assert_eq!(gone.text.as_deref(), Some(before));
    let theirs = "{\"env\": {\"OTEL_EXPORTER_OTLP_HEADERS\": \"x-key=secret\"}}";
    let left = add(Some(theirs), target(Some("fc_i_one")), nothing, None).unwrap();
    assert!(left.notes[0].contains("OTEL_EXPORTER_OTLP_HEADERS") && !left.notes[0].contains("secret"));
    assert!(left.text.unwrap().contains("x-key=secret"));
}
