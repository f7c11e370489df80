//! Situations of each kind, with the state that a person would name.

use forgecast_protocol::SessionStatus::{self, Abandoned, Completed, Running, Stalled, Waiting};
use forgecast_protocol::session::WaitingFor::{self, Answer, Permission, Prompt};
use serde_json::json;

use super::words::{MAIN, OTHER, Script};
use super::{followed, found, sources};

/// A prompt and one use of a tool that is over, long enough ago.
fn begun(at: i64) -> Script {
    Script::default()
        .prompt(at, "draw the map")
        .runs(at + 5, "first", "ls")
        .result(at + 6, "first")
}

/// Whether a situation is seen as this, followed and, where no hook took part, found in either order of its sources.
#[track_caller]
fn assert_seen(script: &Script, status: SessionStatus, waiting_for: impl Into<Option<WaitingFor>>) {
    let waiting_for = waiting_for.into();
    let steps = &script.0;
    let (seen, _) = followed(steps);
    assert_eq!(
        (seen.status, seen.waiting_for),
        (status, waiting_for),
        "followed: {:?}",
        seen.reason
    );
    let mut sources = sources(steps);
    if sources.contains(&"hooks") {
        return;
    }
    for _ in 0..2 {
        let (seen, _) = found(steps, &sources);
        assert_eq!(
            (seen.status, seen.waiting_for),
            (status, waiting_for),
            "found: {:?}",
            seen.reason
        );
        sources.reverse();
    }
}

#[test]
fn a_turn_is_at_work_until_its_last_word() {
    assert_seen(&begun(-60), Running, None);
    assert_seen(&begun(-60).ends(-20), Waiting, Prompt);
    assert_seen(&begun(-60).ends(-20).prompt(-5, "and the legend"), Running, None);
    assert_seen(
        &begun(-60)
            .ends(-20)
            .system(-19, "turn_duration", json!({"durationMs": 9})),
        Waiting,
        Prompt,
    );
    assert_seen(&begun(-90_000).ends(-89_000).prompt(-40, "go on"), Running, None);
}

#[test]
fn what_the_user_stops_is_over_with_the_subagents_that_worked_for_it() {
    assert_seen(
        &begun(-60).runs(-40, "b", "sleep 99").stopped_by_user(-30),
        Waiting,
        Prompt,
    );
    let with_subagent = begun(-60)
        .uses(
            -50,
            "t",
            "Task",
            &json!({"description": "look", "subagent_type": "Explore"}),
        )
        .uses_in(-45, (MAIN, Some("k1")), "g", "Grep", &json!({"pattern": "map"}))
        .stopped_by_user(-30);
    assert_seen(&with_subagent, Waiting, Prompt);
}

#[test]
fn a_turn_that_an_error_ended_waits_with_the_error_as_its_reason() {
    for text in [
        "API Error: 529 Overloaded",
        "You've hit your limit · resets 4am",
        "Login expired · Please run /login",
    ] {
        let gave_up = begun(-300).gives_up(-200, text);
        assert_seen(&gave_up, Waiting, Prompt);
        let (seen, session) = followed(&gave_up.0);
        assert_eq!(seen.reason.as_deref(), Some(text));
        assert_eq!(session.row().attention.unwrap().text, text, "somebody is called");
        // What comes behind it says only that the turn is over, which is known.
        let marked = gave_up.clone().system(-199, "turn_duration", json!({"durationMs": 9}));
        assert_seen(&marked, Waiting, Prompt);
        assert_eq!(followed(&marked.0).0.reason.as_deref(), Some(text));
        assert_seen(&marked.prompt(-10, "go on"), Running, None);
    }
}

#[test]
fn a_request_that_is_tried_again_is_work() {
    let retry = json!({"retryAttempt": 3, "maxRetries": 10, "error": {"message": "Overloaded"}});
    assert_seen(&begun(-60).system(-20, "api_error", retry), Running, None);
    let broken = Script::default()
        .codex_prompt(-60)
        .codex_event(-20, "stream_error", json!({"message": "again 2/5"}));
    assert_seen(&broken, Running, None);
}

#[test]
fn a_session_without_a_prompt_is_idle_and_calls_nobody() {
    let opened = Script::default().system(-60, "local_command", json!({"content": "x"}));
    for script in [
        opened.clone(),
        opened.local_command(-50, "/clear"),
        Script::default().local_command(-50, "/model"),
    ] {
        assert_seen(&script, Waiting, Prompt);
        let (seen, session) = followed(&script.0);
        assert_eq!(seen.reason.as_deref(), Some("Idle, no prompt yet"));
        assert_eq!(session.row().attention, None);
        assert_seen(&script.prompt(-10, "draw the map"), Running, None);
    }
    let started = Script::default().hook(-60, "SessionStart", json!({"source": "startup"}));
    assert_seen(&started, Waiting, Prompt);
    assert_seen(&Script::default().local_command(-40_000, "/clear"), Abandoned, None);
}

#[test]
fn a_command_of_the_agents_own_starts_no_work_and_one_of_the_projects_does() {
    let over = begun(-60).ends(-40);
    assert_seen(&over.clone().local_command(-20, "/compact"), Waiting, Prompt);
    assert_seen(
        &over.clone().prompt(-20, "<bash-input>ls</bash-input>"),
        Waiting,
        Prompt,
    );
    let text = "<command-message>deploy</command-message>\n<command-name>/deploy</command-name>";
    assert_seen(
        &over.prompt(-20, text).meta(-19, "Deploy the map to the server."),
        Running,
        None,
    );
}

#[test]
fn notifications_of_tasks_and_queued_prompts_start_work() {
    let over = begun(-60).ends(-40);
    let note = "<task-notification>\n<task-id>k1</task-id>\n</task-notification>";
    assert_seen(&over.clone().prompt(-20, note), Running, None);
    assert_seen(&over.clone().queue(-20, "dequeue"), Running, None);
    assert_seen(&over.clone().queue(-20, "enqueue"), Running, None);
    assert_seen(&over.queue(-20, "remove"), Waiting, Prompt);
}

#[test]
fn a_session_that_the_user_left_is_completed_until_it_is_taken_up_again() {
    let left = begun(-300).ends(-200).local_command(-100, "/exit");
    assert_seen(&left, Completed, None);
    assert_seen(&left.prompt(-20, "one more thing"), Running, None);
}

#[test]
fn a_question_waits_for_its_answer() {
    let asks = begun(-60).uses(
        -40,
        "q",
        "AskUserQuestion",
        &json!({"questions": [{"question": "Which map?"}]}),
    );
    assert_seen(&asks, Waiting, Answer);
    assert_eq!(followed(&asks.0).0.reason.as_deref(), Some("Which map?"));
    assert_seen(&asks.clone().result(-20, "q"), Running, None);
    assert_seen(&asks.stopped_by_user(-20), Waiting, Prompt);
    assert_seen(
        &begun(-60).uses(-40, "p", "ExitPlanMode", &json!({"plan": "1. draw"})),
        Waiting,
        Answer,
    );
}

#[test]
fn a_rollout_asks_and_goes_on() {
    let begun = Script::default().codex_prompt(-60);
    let question = json!({"questions": [{"id": "q", "question": "Which layer?"}]});
    let asks = begun.clone().codex_uses(-40, "c1", "request_user_input", &question);
    assert_seen(&asks, Waiting, Answer);
    assert_eq!(followed(&asks.0).0.reason.as_deref(), Some("Which layer?"));
    let count = json!({"info": null, "rate_limits": null});
    assert_seen(&asks.clone().codex_event(-39, "token_count", count), Waiting, Answer);
    assert_seen(&asks.clone().codex_result(-20, "c1"), Running, None);
    assert_seen(
        &asks.codex_event(-20, "turn_aborted", json!({"reason": "interrupted"})),
        Waiting,
        Prompt,
    );
    let wants = begun
        .codex_uses(-40, "c2", "shell_command", &json!({"command": "make"}))
        .codex_event(
            -39,
            "exec_approval_request",
            json!({"call_id": "c2", "command": ["make"]}),
        );
    assert_seen(&wants, Waiting, Permission);
    assert_seen(
        &wants
            .clone()
            .codex_event(-30, "exec_command_begin", json!({"call_id": "c2"})),
        Running,
        None,
    );
    assert_seen(&wants.clone().codex_result(-20, "c2"), Running, None);
    assert_seen(
        &wants
            .clone()
            .codex_event(-20, "turn_aborted", json!({"reason": "interrupted"})),
        Waiting,
        Prompt,
    );
    assert_seen(
        &wants.codex_event(-20, "error", json!({"message": "usage limit reached"})),
        Waiting,
        Prompt,
    );
}

#[test]
fn a_permission_is_waited_for_until_its_own_answer() {
    let asks = begun(-60)
        .runs(-40, "b", "make")
        .shell_hook(-39, "PreToolUse", Some("b"), None, "make")
        .shell_hook(-38, "PermissionRequest", None, None, "make");
    assert_seen(&asks, Waiting, Permission);
    assert_eq!(followed(&asks.0).0.reason.as_deref(), Some("Wants to run: make"));
    // Another tool of the same message, another agent, a command in the background, a word of the dialog.
    let others = asks
        .clone()
        .hook(
            -30,
            "Notification",
            json!({"notification_type": "permission_prompt", "message": "May it?"}),
        )
        .shell_hook(-25, "PreToolUse", Some("c"), None, "ls")
        .shell_hook(-24, "PostToolUse", Some("c"), None, "ls")
        .shell_hook(-20, "PreToolUse", Some("d"), Some("k1"), "make")
        .shell_hook(-19, "PostToolUse", Some("d"), Some("k1"), "make");
    assert_seen(&others, Waiting, Permission);
    assert_seen(
        &others.clone().shell_hook(-10, "PostToolUse", Some("b"), None, "make"),
        Running,
        None,
    );
    assert_seen(&others.clone().result(-10, "b"), Running, None);
    assert_seen(
        &others.clone().hook(-10, "UserPromptSubmit", json!({"prompt": "no"})),
        Running,
        None,
    );
    assert_seen(&others.stopped_by_user(-10), Waiting, Prompt);
}

#[test]
fn a_line_that_is_read_late_ends_no_wait() {
    // The transcript tells of the tool behind the question, and its clock is behind the hook's.
    let late = begun(-60)
        .shell_hook(-40, "PermissionRequest", None, None, "make")
        .runs(-38, "b", "make");
    assert_seen(&late, Waiting, Permission);
    assert_eq!(
        followed(&late.0).1.row().attention.unwrap().seq,
        1,
        "one wait of which more is known"
    );
    assert_seen(&late.clone().result(-5, "b"), Running, None);
    assert_seen(
        &late.shell_hook(-30, "PostToolUse", Some("b"), None, "make"),
        Running,
        None,
    );
}

#[test]
fn of_two_agents_that_ask_each_has_its_own_answer() {
    let asks = begun(-60)
        .hook(-50, "SubagentStart", json!({"agent_id": "k1"}))
        .hook(-49, "SubagentStart", json!({"agent_id": "k2"}))
        .shell_hook(-40, "PreToolUse", Some("b1"), Some("k1"), "make")
        .shell_hook(-39, "PermissionRequest", None, Some("k1"), "make")
        .shell_hook(-38, "PreToolUse", Some("b2"), Some("k2"), "make")
        .shell_hook(-37, "PermissionRequest", None, Some("k2"), "make");
    assert_seen(&asks, Waiting, Permission);
    let first = asks
        .clone()
        .shell_hook(-30, "PostToolUse", Some("b1"), Some("k1"), "make");
    assert_seen(&first, Waiting, Permission);
    assert_eq!(
        followed(&first.0).1.row().attention.unwrap().seq,
        2,
        "the second is a call of its own"
    );
    assert_seen(
        &first.clone().hook(-20, "SubagentStop", json!({"agent_id": "k2"})),
        Running,
        None,
    );
    assert_seen(
        &first
            .clone()
            .shell_hook(-20, "PostToolUse", Some("b2"), Some("k2"), "make"),
        Running,
        None,
    );
    // The main agent's turn is over; who works in the background still asks.
    assert_seen(&first.hook(-20, "Stop", json!({})), Waiting, Permission);
}

#[test]
fn a_finished_turn_yields_to_a_subagent_in_the_background() {
    let launched = begun(-120)
        .uses(
            -100,
            "t",
            "Agent",
            &json!({"description": "look", "subagent_type": "Explore"}),
        )
        .result_in(
            -99,
            (MAIN, None),
            "t",
            &json!({"toolUseResult": {"status": "async_launched", "agentId": "k1"}}),
        )
        .ends(-90);
    let works = launched.uses_in(-60, (MAIN, Some("k1")), "g", "Grep", &json!({"pattern": "map"}));
    assert_seen(&works, Running, None);
    assert_seen(&works.clone().ends_in(-20, (MAIN, Some("k1"))), Waiting, Prompt);
    let told = begun(-60).hook(
        -30,
        "Stop",
        json!({"background_tasks": [{"id": "k1", "type": "subagent", "status": "running"}]}),
    );
    assert_seen(&told, Running, None);
    assert_seen(
        &told.hook(-20, "SubagentStop", json!({"agent_id": "k1"})),
        Waiting,
        Prompt,
    );
    let server = json!({"background_tasks": [{"id": "b1", "type": "shell", "status": "running"}]});
    assert_seen(&begun(-60).hook(-30, "Stop", server), Waiting, Prompt);
}

#[test]
fn a_finished_turn_yields_to_another_agent_in_the_build_and_a_question_does_not() {
    let other = |script: Script| {
        script
            .line(
                -300,
                OTHER,
                None,
                "user",
                json!({"message": {"role": "user", "content": "test it"}}),
            )
            .uses_in(-50, (OTHER, None), "o", "Bash", &json!({"command": "npm test"}))
    };
    let build = Script::default().phase(-400, "Builder", "building");
    let own = |script: Script| script.prompt(-390, "build it").runs(-380, "b", "ls").result(-379, "b");
    assert_seen(&own(build.clone()).ends(-100), Waiting, Prompt);
    assert_seen(&other(own(build.clone()).ends(-100)), Running, None);
    assert_seen(
        &own(build.clone()).ends(-100).phase(-40, "Test", "testing"),
        Running,
        None,
    );
    let question = json!({"questions": [{"question": "Which map?"}]});
    assert_seen(
        &other(own(build).uses(-100, "q", "AskUserQuestion", &question)),
        Waiting,
        Answer,
    );
}

#[test]
fn signs_of_life_inside_a_long_tool_keep_a_session_running() {
    let long = begun(-2400).runs(-2300, "b", "make everything");
    assert_seen(&long, Stalled, None);
    let minutes = |script: Script, kind: &'static str| {
        (1..38).fold(script, |script, minute| {
            script.progress(-2300 + minute * 60, json!({"type": kind, "agentId": "k1"}))
        })
    };
    for kind in ["bash_progress", "agent_progress", "mcp_progress"] {
        assert_seen(&minutes(long.clone(), kind), Running, None);
    }
    // The answer of the tool is a sign of life of the agent, which thinks about it.
    assert_seen(&long.clone().result(-600, "b"), Running, None);
    let grows = (1..9).fold(long, |script, step| {
        let part = json!({"message": {"role": "assistant", "content": [{"type": "text", "text": "hm"}]}});
        script.line(-2300 + step * 250, MAIN, Some("k1"), "assistant", part)
    });
    assert_seen(&grows, Running, None);
}

#[test]
fn a_sign_of_life_begins_no_turn() {
    let hooks = json!({"type": "hook_progress", "hookEvent": "Stop"});
    assert_seen(&begun(-60).ends(-40).progress(-39, hooks.clone()), Waiting, Prompt);
    assert_seen(&Script::default().progress(-39, hooks), Waiting, Prompt);
}

#[test]
fn silence_ends_a_session_by_what_it_was_doing() {
    assert_seen(&begun(-1000), Stalled, None);
    assert_seen(&begun(-30_000), Abandoned, None);
    assert_seen(&begun(-30_000).ends(-29_000), Completed, None);
    assert_seen(&begun(-30_000).gives_up(-29_000, "API Error: 529"), Abandoned, None);
    assert_seen(&begun(-1000).ends(-950), Waiting, Prompt);
}

#[test]
fn a_build_waits_by_the_words_of_its_producer() {
    for word in [
        "waiting_for_approval",
        "needs_input",
        "blocked",
        "paused",
        "awaiting-review",
    ] {
        assert_seen(&Script::default().phase(-60, "Architect", word), Waiting, None);
    }
    let answered = Script::default()
        .phase(-60, "Architect", "needs_input")
        .phase(-20, "Builder", "building");
    assert_seen(&answered, Running, None);
}

#[test]
fn an_agent_that_is_closed_asks_nothing_any_more() {
    let asks = begun(-60)
        .shell_hook(-40, "PreToolUse", Some("b"), None, "make")
        .shell_hook(-39, "PermissionRequest", None, None, "make");
    assert_seen(
        &asks.clone().hook(-20, "SessionEnd", json!({"reason": "other"})),
        Completed,
        None,
    );
    let build = Script(asks.phase(-50, "Builder", "building").0);
    assert_seen(&build.clone(), Waiting, Permission);
    assert_seen(
        &build.hook(-20, "SessionEnd", json!({"reason": "other"})),
        Waiting,
        Prompt,
    );
}
