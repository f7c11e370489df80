//! The laws of the state, over situations that nobody thought of.

use forgecast_protocol::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use super::words::{MAIN, OTHER, Script};
use super::{Seen, Step, World, followed, found, second, sources};

/// What may happen next. Each takes a number of seconds and an agent, the main one or a subagent.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Prompt,
    Tool,
    ToolThatAsks,
    Result,
    Question,
    End,
    Error,
    Stop,
    Progress,
    Command,
    Notification,
    Subagent,
    SubagentEnds,
    Other,
    OtherEnds,
    Phase,
    Exit,
}

fn happening() -> impl Strategy<Value = (Happening, i64, bool)> {
    use Happening::*;
    let kinds = vec![
        Prompt,
        Tool,
        Tool,
        ToolThatAsks,
        ToolThatAsks,
        Result,
        Result,
        Question,
        End,
        End,
        Error,
        Stop,
        Progress,
        Command,
        Notification,
        Subagent,
        Subagent,
        SubagentEnds,
        Other,
        OtherEnds,
        Phase,
        Exit,
    ];
    // Never a silence about as long as the limit, which a second more or less would decide.
    let pause = prop_oneof![12 => 2_i64..200, 1 => 1_100_i64..2_000, 1 => 25_000_i64..30_000];
    (select(kinds), pause, any::<bool>())
}

/// A situation, by what happened, ending some time before the moment of asking; `hooks` tells whether hooks speak, too.
fn situation(happenings: &[(Happening, i64, bool)], silence: i64, hooks: bool, build: bool) -> Vec<Step> {
    let length: i64 = happenings.iter().map(|(_, pause, _)| pause).sum();
    let mut at = -length - silence;
    let mut script = Script::default();
    if build {
        script = script.phase(at - 9, "Builder", "building");
    }
    let mut open: Vec<String> = Vec::new();
    for (number, (happening, pause, flag)) in happenings.iter().enumerate() {
        let id = format!("{number}");
        script = happen(script, *happening, at, &id, (hooks && *flag, build), &mut open);
        at += pause;
    }
    script.0
}

fn happen(
    script: Script,
    happening: Happening,
    at: i64,
    id: &str,
    (hooks, build): (bool, bool),
    open: &mut Vec<String>,
) -> Script {
    let sub = (MAIN, Some("k1"));
    match happening {
        Happening::Prompt => script.prompt(at, "go on"),
        Happening::Tool | Happening::ToolThatAsks => {
            open.push(id.to_owned());
            let command = format!("make {}", id.len());
            let script = script.runs(at, id, &command);
            match happening {
                Happening::ToolThatAsks if hooks => script
                    .shell_hook(at, "PreToolUse", Some(id), None, &command)
                    .shell_hook(at + 1, "PermissionRequest", None, None, &command),
                _ => script,
            }
        }
        Happening::Result => match open.pop() {
            Some(id) => script.result(at, &id),
            None => script,
        },
        Happening::Question => {
            open.push(id.to_owned());
            script.uses(
                at,
                id,
                "AskUserQuestion",
                &json!({"questions": [{"question": format!("{id}?")}]}),
            )
        }
        Happening::End if hooks => script.ends(at).hook(at + 1, "Stop", json!({})),
        Happening::End => script.ends(at),
        Happening::Error => script.gives_up(at, "API Error: 529"),
        Happening::Stop => script.stopped_by_user(at),
        Happening::Progress => script.progress(at, json!({"type": "bash_progress"})),
        Happening::Command => script.local_command(at, "/model"),
        Happening::Notification => script.prompt(at, "<task-notification>done</task-notification>"),
        Happening::Subagent => script.uses_in(at, sub, &format!("s{id}"), "Grep", &json!({"pattern": id})),
        Happening::SubagentEnds => script.ends_in(at, sub),
        Happening::Other if build => {
            script.uses_in(at, (OTHER, None), &format!("o{id}"), "Read", &json!({"file_path": id}))
        }
        Happening::OtherEnds if build => script.ends_in(at, (OTHER, None)),
        Happening::Phase if build => script.phase(at, "Builder", &format!("building {id}")),
        Happening::Other | Happening::OtherEnds | Happening::Phase => script,
        Happening::Exit => script.local_command(at, "/exit"),
    }
}

/// Each source is told in pieces, some of them late and all in their own order; hooks come when they come.
fn told_in_pieces(steps: &[Step], delays: &[(Index, i64)]) -> Seen {
    let mut known: Vec<(Timestamp, Timestamp, &Step)> = Vec::new();
    for source in sources(steps) {
        let mut own: Vec<&Step> = steps.iter().filter(|step| step.source() == source).collect();
        own.sort_by_key(|step| step.at);
        let mut known_at: Vec<i64> = own.iter().map(|step| step.at).collect();
        for (index, delay) in delays.iter().filter(|_| source != "hooks") {
            let from = index.index(own.len());
            let until = (known_at[from] + delay).min(0);
            // What was written until then is read with it.
            for (known_at, step) in known_at.iter_mut().zip(&own).skip(from) {
                if step.at <= until {
                    *known_at = (*known_at).max(until);
                }
            }
        }
        for (number, step) in own.iter().enumerate() {
            let together = || known_at.iter().enumerate().filter(|(_, at)| **at == known_at[number]);
            let first = together().map(|(number, _)| own[number].at).min().unwrap_or(step.at);
            let last = together().map(|(number, _)| own[number].at).max().unwrap_or(step.at);
            // As ingest dates them: what was written at once by its last line, anything else line by line.
            let written_at = if last - first < 60 { last } else { step.at };
            known.push((second(known_at[number]), second(written_at), step));
        }
    }
    known.sort_by_key(|(known_at, ..)| *known_at);
    let mut world = World::of(steps);
    for (known_at, written_at, step) in known {
        world.tell(step, known_at, written_at);
    }
    world.seen().0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_found_stands_as_what_was_followed(
        happenings in vec(happening(), 1..24), silence in select(vec![5_i64, 300, 1_500, 30_000]), build in any::<bool>(),
        shuffle in any::<u64>(),
    ) {
        let steps = situation(&happenings, silence, false, build);
        prop_assume!(!steps.is_empty());
        let (seen, _) = followed(&steps);
        let mut sources = sources(&steps);
        let length = sources.len();
        sources.rotate_left(usize::try_from(shuffle % 97).unwrap() % length);
        if shuffle % 2 == 0 {
            sources.reverse();
        }
        prop_assert_eq!(found(&steps, &sources).0, seen, "{:?}", sources);
    }

    #[test]
    fn what_is_read_late_and_in_pieces_stands_as_what_was_followed(
        happenings in vec(happening(), 1..24), silence in select(vec![5_i64, 300, 1_500]), build in any::<bool>(),
        delays in vec((any::<Index>(), 1_i64..900), 0..12),
    ) {
        let steps = situation(&happenings, silence, true, build);
        prop_assume!(!steps.is_empty());
        let (seen, _) = followed(&steps);
        let told = told_in_pieces(&steps, &delays);
        prop_assert_eq!((told.status, told.waiting_for), (seen.status, seen.waiting_for));
    }
}
