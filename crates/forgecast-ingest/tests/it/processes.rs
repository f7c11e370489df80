//! What agents say of their processes, with real processes that end in order, are killed, or belong
//! to somebody else.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use forgecast_protocol::event::{ProcessReported, ProcessStatus};
use forgecast_protocol::session::WaitingFor;
use forgecast_protocol::{Clock, Fact, SourceKind, Timestamp};
use serde_json::{Value, json};

use crate::support::{Running, replace, start, start_at, start_with};
use crate::transcripts::claude;

/// A process that stands for an agent, with the file in which it speaks.
struct Agent {
    home: PathBuf,
    child: Child,
}

impl Agent {
    fn start(home: &Path) -> Self {
        std::fs::create_dir_all(home.join("sessions")).unwrap();
        let child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
        Self {
            home: home.to_owned(),
            child,
        }
    }

    fn file(&self) -> PathBuf {
        self.home.join(format!("sessions/{}.json", self.child.id()))
    }

    /// What it writes of itself, here and now.
    fn words(&self, session: &str, status: &str) -> Value {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let started = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .nth(19)
            .unwrap()
            .to_owned();
        json!({
            "pid": self.child.id(), "procStart": started, "pidDomain": domain(), "sessionId": session,
            "cwd": "/srv/none", "kind": "interactive", "entrypoint": "cli", "status": status,
            "statusUpdatedAt": 1_796_000_000_000_u64,
        })
    }

    fn say(&self, session: &str, status: &str) {
        replace(&self.file(), &self.words(session, status).to_string());
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This machine and process namespace, as an agent names them.
fn domain() -> String {
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    format!("linux:{}:{}", machine.trim(), namespace.display())
}

/// Whether a process that was never seen can be proven to be gone on this machine.
fn has_machine_id() -> bool {
    std::fs::read_to_string("/etc/machine-id").is_ok_and(|id| !id.trim().is_empty())
}

/// What was told of a session's processes, in order.
fn reports(running: &Running, session: &str) -> Vec<ProcessReported> {
    running.pick(|event| match &event.fact {
        Fact::ProcessReported(report) if event.subject.transcript.as_ref()?.as_str() == session => {
            assert_eq!(event.origin.kind, SourceKind::Process);
            Some(report.clone())
        }
        _ => None,
    })
}

fn statuses(running: &Running, session: &str) -> Vec<ProcessStatus> {
    reports(running, session).iter().map(|report| report.status).collect()
}

async fn until(running: &Running, session: &str, status: ProcessStatus) {
    let said = |running: &Running| statuses(running, session).last() == Some(&status);
    running.until(&format!("{session} is {status:?}"), said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_followed_from_its_first_word_to_its_end() {
    let home = tempfile::tempdir().unwrap();
    // The folder of processes is made by the first one, while we look on.
    let running = start(claude(home.path())).await;
    let agent = Agent::start(home.path());
    for (word, status) in [
        ("idle", ProcessStatus::Idle),
        ("busy", ProcessStatus::Busy),
        ("a new word", ProcessStatus::Alive),
    ] {
        agent.say("s1", word);
        until(&running, "s1", status).await;
    }
    let mut words = agent.words("s1", "waiting");
    words["waitingFor"] = json!("permission prompt");
    replace(&agent.file(), &words.to_string());
    until(&running, "s1", ProcessStatus::Waiting).await;
    let report = reports(&running, "s1").pop().unwrap();
    assert_eq!(report.waiting_for, Some(WaitingFor::Permission));
    assert_eq!(report.attended, Some(true));
    assert_eq!(report.since.unwrap().as_millis(), 1_796_000_000_000);
    std::fs::remove_file(agent.file()).unwrap();
    until(&running, "s1", ProcessStatus::Exited).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_process_does_nothing_is_told_when_it_lasts() {
    let home = tempfile::tempdir().unwrap();
    // The clock stands still: however long this machine takes, no word lasts until the test says so.
    let now = Arc::new(AtomicI64::new(1_796_000_000_000));
    let clock = {
        let now = Arc::clone(&now);
        Clock::new(move || Timestamp::from_millis(now.load(Ordering::Relaxed)))
    };
    let running = start_at(claude(home.path()), clock).await;
    let agent = Agent::start(home.path());
    // At first without a word, as a process that takes a session up.
    for word in ["", "idle", "busy"] {
        agent.say("s1", word);
    }
    until(&running, "s1", ProcessStatus::Busy).await;
    agent.say("s1", "idle");
    agent.say("s1", "busy");
    agent.say("s1", "waiting");
    until(&running, "s1", ProcessStatus::Waiting).await;
    agent.say("s1", "idle");
    now.fetch_add(1_000, Ordering::Relaxed);
    until(&running, "s1", ProcessStatus::Idle).await;
    let mut seen = statuses(&running, "s1");
    // Two words that follow each other at once may be read as one.
    seen.dedup();
    assert_eq!(seen, [ProcessStatus::Busy, ProcessStatus::Waiting, ProcessStatus::Idle]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_has_crashed_whether_it_was_watched_or_found() {
    let home = tempfile::tempdir().unwrap();
    let running = start(claude(home.path())).await;
    let mut agent = Agent::start(home.path());
    agent.say("s1", "busy");
    until(&running, "s1", ProcessStatus::Busy).await;
    agent.kill();
    until(&running, "s1", ProcessStatus::Crashed).await;
    let followed = reports(&running, "s1").pop();
    running.stop().await;
    if has_machine_id() {
        let found = start(claude(home.path())).await;
        assert_eq!(reports(&found, "s1"), Vec::from_iter(followed));
        found.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_nobody_has_waited_for_yet_is_gone_as_well() {
    let home = tempfile::tempdir().unwrap();
    let running = start(claude(home.path())).await;
    let mut agent = Agent::start(home.path());
    agent.say("s1", "busy");
    until(&running, "s1", ProcessStatus::Busy).await;
    agent.child.kill().unwrap();
    until(&running, "s1", ProcessStatus::Crashed).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_while_nobody_watched_is_told_by_the_next_life() {
    let home = tempfile::tempdir().unwrap();
    let running = start(claude(home.path())).await;
    let (mut killed, ended) = (Agent::start(home.path()), Agent::start(home.path()));
    killed.say("s1", "busy");
    ended.say("s2", "idle");
    until(&running, "s1", ProcessStatus::Busy).await;
    until(&running, "s2", ProcessStatus::Idle).await;
    let known = running.checkpoints();
    running.stop().await;
    killed.kill();
    std::fs::remove_file(ended.file()).unwrap();
    let running = start_with(claude(home.path()), known).await;
    until(&running, "s1", ProcessStatus::Crashed).await;
    until(&running, "s2", ProcessStatus::Exited).await;
    let known = running.checkpoints();
    running.stop().await;
    // And by no later one.
    let running = start_with(claude(home.path()), known).await;
    assert_eq!(statuses(&running, "s1"), []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_goes_on_to_another_session_leaves_the_first_one() {
    let home = tempfile::tempdir().unwrap();
    let agent = Agent::start(home.path());
    agent.say("s1", "idle");
    let running = start(claude(home.path())).await;
    agent.say("s2", "idle");
    until(&running, "s2", ProcessStatus::Idle).await;
    assert_eq!(statuses(&running, "s1"), [ProcessStatus::Idle, ProcessStatus::Exited]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_of_processes_of_other_machines_and_namespaces() {
    let home = tempfile::tempdir().unwrap();
    let mut agent = Agent::start(home.path());
    let here = agent.words("", "busy");
    let folder = home.path().join("sessions");
    let domains = [
        json!("linux:0123456789abcdef:pid:[4026531836]"),
        json!(null),
        json!("darwin:x"),
        json!("linux"),
    ];
    agent.kill();
    for (number, domain) in domains.iter().enumerate() {
        let mut words = here.clone();
        words["sessionId"] = json!(format!("s{number}"));
        words["pidDomain"] = domain.clone();
        std::fs::write(folder.join(format!("{}.json", 70_000_000 + number)), words.to_string()).unwrap();
    }
    // Its end is what the others would be told after.
    let own = Agent::start(home.path());
    own.say("own", "busy");
    let running = start(claude(home.path())).await;
    until(&running, "own", ProcessStatus::Busy).await;
    std::fs::remove_file(own.file()).unwrap();
    until(&running, "own", ProcessStatus::Exited).await;
    for (number, domain) in domains.iter().enumerate() {
        assert_eq!(statuses(&running, &format!("s{number}")), [], "{domain}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_background_job_says_what_it_needs_and_how_it_ended() {
    let home = tempfile::tempdir().unwrap();
    let job = |id: &str, state: &str, session: &str| {
        let folder = home.path().join("jobs").join(id);
        std::fs::create_dir_all(&folder).unwrap();
        let words = json!({"state": state, "detail": "no such branch", "needs": "approve Bash: make install",
            "sessionId": session, "cwd": "/srv/none", "updatedAt": "2026-11-30T08:00:00.000Z"});
        replace(&folder.join("state.json"), &words.to_string());
    };
    let agent = Agent::start(home.path());
    job("j1", "working", "s1");
    let mut words = agent.words("s1", "waiting");
    (words["kind"], words["jobId"], words["waitingFor"]) = (json!("bg"), json!("j1"), json!("permission prompt"));
    replace(&agent.file(), &words.to_string());
    let running = start(claude(home.path())).await;
    until(&running, "s1", ProcessStatus::Waiting).await;
    let report = reports(&running, "s1").pop().unwrap();
    assert_eq!(report.reason.as_deref(), Some("approve Bash: make install"));
    assert_eq!(report.attended, Some(false));
    job("j2", "failed", "s2");
    until(&running, "s2", ProcessStatus::Failed).await;
    let report = reports(&running, "s2").pop().unwrap();
    assert_eq!(
        report.reason.as_deref(),
        Some("The background job failed: no such branch")
    );
    job("j1", "stopped", "s1");
    until(&running, "s1", ProcessStatus::Exited).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_or_foreign_file_says_nothing_and_harms_nothing() {
    let home = tempfile::tempdir().unwrap();
    let agent = Agent::start(home.path());
    agent.say("s1", "busy");
    let folder = home.path().join("sessions");
    for (name, text) in [
        ("1.json", ""),
        ("2.json", "{\"pid\": 2"),
        ("3.json", "[]"),
        ("4.json", "{}"),
        ("5.secret.key", "{}"),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    std::fs::create_dir_all(folder.join("6.json")).unwrap();
    let running = start(claude(home.path())).await;
    until(&running, "s1", ProcessStatus::Busy).await;
    assert!(running.problems().is_empty(), "{:?}", running.problems());
    running.stop().await;
}
