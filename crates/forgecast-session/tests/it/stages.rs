//! Builds whose producer tells its runs and drives each agent to the end of one prompt: stages as phases, agents that wait
//! for nobody, and what is left of a run in whose place another one begins.

use forgecast_protocol::event::{
    AgentReported, ArtifactKind, Quiet, SessionSeen, TaskReported, WaitingBegan, WaitingEnded, WentQuiet,
};
use forgecast_protocol::session::{PhaseStatus, WaitingFor};
use forgecast_protocol::{Event, Fact, SessionStatus, SourceKind};
use forgecast_session::Session;

use crate::support::*;

fn told(at: i64, fact: Fact) -> Event {
    event(
        SourceKind::Foundry,
        "/home/ann/.foundry/observatory/events.jsonl",
        second(at),
        fact,
    )
}

fn begins(at: i64, run: &str) -> Event {
    let run = Some(run.to_owned());
    told(
        at,
        Fact::SessionSeen(SessionSeen {
            run,
            ..SessionSeen::default()
        }),
    )
}

fn task(id: &str, status: &str) -> Fact {
    Fact::TaskReported(TaskReported {
        id: id.to_owned(),
        description: Some(format!("Task {id}")),
        status: Some(status.to_owned()),
        ..TaskReported::default()
    })
}

fn listed(at: i64, id: &str, status: &str, order: u32) -> Event {
    let Fact::TaskReported(task) = task(id, status) else {
        unreachable!();
    };
    let order = Some(order);
    artifact_fact(
        "TASKS.md",
        second(at),
        Fact::TaskReported(TaskReported { order, ..task }),
    )
}

fn agent(stage: &str, status: &str) -> Fact {
    Fact::AgentReported(AgentReported {
        id: stage.to_uppercase(),
        phase: Some(stage.to_owned()),
        status: Some(status.to_owned()),
        cost_usd: (status != "active").then_some(0.5),
        duration_seconds: (status != "active").then_some(2.0),
        ..AgentReported::default()
    })
}

fn phases(session: &Session) -> Vec<(&str, PhaseStatus)> {
    let mut phases: Vec<_> = session.view().phases.iter().collect();
    phases.sort_by_key(|(_, phase)| phase.order);
    phases
        .into_iter()
        .map(|(name, phase)| (name.as_str(), phase.status))
        .collect()
}

#[test]
fn the_stages_of_the_task_at_work_are_the_phases_of_the_build() {
    use PhaseStatus::{Active, Completed, Pending, Skipped};
    let mut session = fold(&[
        begins(0, "a"),
        told(1, task("T1", "in_progress")),
        told(2, agent("Plan", "active")),
        told(4, agent("Plan", "completed")),
        told(5, agent("Implement", "active")),
    ]);
    let phase = session.view().phase.clone().unwrap();
    assert_eq!(
        (phase.name.as_str(), phase.detail.as_deref()),
        ("Implement", Some("T1: Task T1"))
    );
    let expected = [
        ("Query", Skipped),
        ("Research", Skipped),
        ("Plan", Completed),
        ("Plan Review", Skipped),
        ("Implement", Active),
        ("Verify", Pending),
    ];
    assert_eq!(phases(&session), expected);
    assert_eq!(
        session.view().progress.percent,
        None,
        "nobody knows how many tasks follow"
    );
    session.apply(&told(7, agent("Implement", "completed")));
    session.apply(&told(8, task("T1", "completed")));
    session.apply(&told(9, task("T2", "in_progress")));
    assert!(phases(&session).iter().all(|(_, status)| *status == Pending));
    session.apply(&told(10, agent("Plan", "active")));
    session.apply(&told(12, agent("Plan", "completed")));
    let plan = &session.view().agents["PLAN"];
    assert_eq!(
        (plan.runs, plan.cost_usd, plan.duration_seconds),
        (Some(2), Some(1.0), Some(4.0))
    );
    assert_eq!(plan.started_at, Some(second(10)), "that of the latest run");
    let at = |seconds| session.phase_at(second(seconds));
    assert_eq!(
        [at(1), at(3), at(6), at(11)],
        [None, Some("Plan"), Some("Implement"), Some("Plan")]
    );
}

#[test]
fn a_share_of_the_tasks_is_told_when_a_list_names_them_all() {
    let mut session = fold(&[
        begins(0, "a"),
        told(1, task("T1", "in_progress")),
        told(2, task("T1", "completed")),
    ]);
    assert_eq!(session.view().progress.percent, None);
    for (order, (id, status)) in [("T1", "completed"), ("T2", "pending"), ("T3", "pending")]
        .into_iter()
        .enumerate()
    {
        session.apply(&listed(3, id, status, u32::try_from(order).unwrap()));
    }
    assert_eq!(session.view().progress.percent, Some(33.3));
}

#[test]
fn an_agent_that_is_driven_waits_for_no_prompt_however_its_turn_ended() {
    let turn = |reason: &str, cut_short| {
        Fact::WaitingBegan(WaitingBegan {
            reason: reason.to_owned(),
            waiting_for: Some(WaitingFor::Prompt),
            cut_short,
            ..WaitingBegan::default()
        })
    };
    let error = Some(forgecast_protocol::event::CutShort::Error);
    for cut_short in [None, error] {
        let mut session = fold(&[begins(0, "a"), told(1, agent("Plan", "active"))]);
        session.apply(&from_transcript(second(2), Fact::WaitingEnded(WaitingEnded::default())));
        session.apply(&from_transcript(second(3), turn("Finished its turn", cut_short)));
        assert_eq!(session.view().status, SessionStatus::Running, "{cut_short:?}");
        assert_eq!(session.row().attention, None);
        // Killed: nothing follows.
        session.apply(&quiet(minute(20), Quiet::Stalled, second(3)));
        assert_eq!(session.view().status, SessionStatus::Stalled);
    }
}

#[test]
fn an_agent_that_is_driven_may_still_ask() {
    let asks = Fact::WaitingBegan(WaitingBegan {
        reason: "Wants to run: ls".to_owned(),
        waiting_for: Some(WaitingFor::Permission),
        tool: Some("Bash".to_owned()),
        ..WaitingBegan::default()
    });
    let session = fold(&[
        begins(0, "a"),
        told(1, agent("Plan", "active")),
        from_transcript(second(3), asks),
    ]);
    assert_eq!(session.view().waiting_for, Some(WaitingFor::Permission));
}

#[test]
fn a_run_that_another_one_follows_keeps_what_was_told_and_ends_what_was_at_work() {
    let followed = Fact::WentQuiet(WentQuiet {
        quiet: Quiet::Abandoned,
        since: second(8),
        followed_at: Some(second(60)),
    });
    let mut session = fold(&[
        begins(0, "a"),
        artifact_fact(
            "TASKS.md",
            second(1),
            artifact("TASKS.md", ArtifactKind::Tasks, 9, second(70)),
        ),
        old(listed(1, "T1", "completed", 0), second(70)),
        old(listed(1, "T2", "failed", 1), second(70)),
        told(2, task("T1", "in_progress")),
        told(3, agent("Implement", "active")),
        event(SourceKind::Internal, "", second(61), followed),
    ]);
    let view = session.view();
    let reason = view.status_reason.as_deref();
    assert_eq!(
        (view.status, reason),
        (SessionStatus::Abandoned, Some("Another run began in its place"))
    );
    let tasks: Vec<_> = view
        .progress
        .tasks
        .iter()
        .map(|(id, task)| (id.as_str(), task.status.as_str()))
        .collect();
    assert_eq!(tasks, [("T1", "failed")], "the list was written since");
    assert_eq!(
        (view.agents["IMPLEMENT"].status.as_str(), view.artifacts.len()),
        ("failed", 0)
    );
    assert_eq!(session.row().agents_active, 0);
    // What is learned of it late does not bring it back.
    session.apply(&from_transcript(
        second(62),
        Fact::WaitingEnded(WaitingEnded::default()),
    ));
    assert_eq!(session.view().status, SessionStatus::Abandoned);
    assert_eq!(session.told_span(), Some((second(0), second(60))));
}

#[test]
fn while_the_log_says_that_a_task_is_at_work_a_list_can_only_say_that_it_is_done() {
    let mut session = fold(&[begins(0, "a"), told(1, task("T1", "in_progress"))]);
    let status = |session: &Session| session.view().progress.tasks["T1"].status.clone();
    for (word, shown) in [
        ("pending", "in_progress"),
        ("failed", "in_progress"),
        ("completed", "completed"),
    ] {
        session.apply(&listed(2, "T1", word, 0));
        assert_eq!(status(&session), shown, "{word}");
    }
}
