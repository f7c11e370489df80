//! Configured folders that come and go.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use forgecast_ingest::Options;
use forgecast_protocol::health::{RootKind, RootState};
use forgecast_protocol::{Event, Fact};

use crate::support::{Running, options, phase, phase_file, project, start, start_with};

fn gone(running: &Running) -> usize {
    running
        .facts()
        .iter()
        .filter(|fact| matches!(fact, Fact::SourceGone(_)))
        .count()
}

fn returned(running: &Running) -> usize {
    running
        .facts()
        .iter()
        .filter(|fact| matches!(fact, Fact::SourceReturned(_)))
        .count()
}

/// Makes a checkpoint in `folder`, all at once.
fn checkpoint(folder: &Path, session: &str, phase: &str) {
    std::fs::create_dir_all(folder.join(session)).unwrap();
    let state = format!(r#"{{"session_id": "{session}", "current_phase": "{phase}"}}"#);
    std::fs::write(folder.join(session).join("state.json"), state).unwrap();
}

/// The phases of checkpoints, in the order in which they were told.
fn checkpoints(running: &Running) -> Vec<String> {
    running.pick(|event| match &event.fact {
        Fact::CheckpointReported(checkpoint) => checkpoint.phase.clone(),
        _ => None,
    })
}

/// How often a problem was found and cleared.
fn times_told(running: &Running, path: &Path) -> (usize, usize) {
    let key = path.to_str();
    let count = |wanted: &dyn Fn(&Fact) -> bool| running.facts().iter().filter(|fact| wanted(fact)).count();
    (
        count(&|fact| matches!(fact, Fact::ProblemFound(found) if Some(&*found.key) == key)),
        count(&|fact| matches!(fact, Fact::ProblemCleared(cleared) if Some(&*cleared.key) == key)),
    )
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_is_not_there_is_awaited_and_shown_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/yet");
    let running = start(options(&root)).await;
    assert_eq!(running.health.borrow().roots[0].state, RootState::Missing);
    assert!(running.problems()[root.to_str().unwrap()].starts_with("Missing"));
    let app = project(&root, "app", "here");
    running
        .until("found", |running| running.details(&app) == ["here"])
        .await;
    running.until("cleared", |running| running.problems().is_empty()).await;
    std::fs::write(phase_file(&app), phase("and watched")).unwrap();
    running
        .until("watched", |running| running.details(&app).len() == 2)
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_nobody_named_is_awaited_silently_and_may_go_again() {
    let folder = tempfile::tempdir().unwrap();
    let (root, homelab) = (folder.path().join("root"), folder.path().join("homelab"));
    let (ralph, logs) = (root.join("checkpoints/ralph"), root.join("logs"));
    let app = project(&root, "app", "here");
    let running = start(Options {
        roots: vec![root.clone(), homelab.clone()],
        checkpoints: vec![ralph.clone()],
        logs: vec![logs.clone()],
        optional: vec![
            (RootKind::Projects, homelab.clone()),
            (RootKind::Checkpoints, ralph.clone()),
            (RootKind::Logs, logs.clone()),
        ],
        ..options(&root)
    })
    .await;
    assert_eq!(running.details(&app), ["here"]);
    assert_eq!(running.health.borrow().roots.len(), 1, "what is awaited is not shown");

    checkpoint(&ralph, "weather", "scout");
    std::fs::create_dir(&logs).unwrap();
    std::fs::write(logs.join("server.log"), "begun\n").unwrap();
    let lab = project(&homelab, "lab", "in the lab");
    running
        .until("all of them", |running| {
            checkpoints(running) == ["scout"]
                && running.lines().len() == 1
                && running.details(&lab) == ["in the lab"]
                && running.health.borrow().roots.len() == 4
        })
        .await;
    checkpoint(&ralph, "weather", "builder");
    checkpoint(&ralph, "tides", "test");
    running
        .until("watched", |running| checkpoints(running).len() == 3)
        .await;

    std::fs::remove_dir_all(&homelab).unwrap();
    running.until("gone", |running| gone(running) == 1).await;
    running
        .until("not shown", |running| running.health.borrow().roots.len() == 3)
        .await;
    project(&homelab, "lab", "again");
    running.until("returned", |running| returned(running) == 1).await;
    assert!(
        !running.has(|fact| matches!(fact, Fact::ProblemFound(_))),
        "{:#?}",
        running.facts()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_root_is_told_once_also_when_another_kind_of_root_awaits_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let [root, one, two] = ["root", "one", "two"].map(|name| folder.path().join(name));
    let running = start(Options {
        roots: vec![root.clone(), one.clone(), two.clone()],
        logs: vec![root.clone()],
        optional: vec![(RootKind::Logs, root.clone())],
        ..options(&root)
    })
    .await;
    // Each is found by another look at the roots.
    for later in [one, two] {
        let app = project(&later, "app", "here");
        running
            .until("found", |running| running.details(&app) == ["here"])
            .await;
    }
    assert_eq!(times_told(&running, &root), (1, 0));
    std::fs::create_dir(&root).unwrap();
    running
        .until("cleared", |running| times_told(running, &root) == (1, 1))
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_appears_as_a_link_names_its_projects_as_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (root, real) = (folder.path().join("root"), folder.path().join("real"));
    let app = project(&real, "app", "here");
    let ralph = root.join("checkpoints/ralph");
    // The checkpoint is of its folder only if that is below a root.
    let state = format!(r#"{{"session_id": "s", "working_directory": "{}"}}"#, app.display());
    std::fs::create_dir_all(real.join("checkpoints/ralph/s")).unwrap();
    std::fs::write(real.join("checkpoints/ralph/s/state.json"), state).unwrap();
    let both = || Options {
        checkpoints: vec![ralph.clone()],
        ..options(&root)
    };
    let is_told = |running: &Running| {
        let of_app = |event: &Event| event.subject.directory.as_deref() == app.to_str();
        let is_checkpoint = |event: &Event| matches!(event.fact, Fact::CheckpointReported(_)) && of_app(event);
        running.details(&app) == ["here"] && running.events().iter().any(is_checkpoint)
    };
    let sources = |running: &Running| running.checkpoints().into_keys().collect::<Vec<_>>();

    let running = start(both()).await;
    assert_eq!(running.problems().len(), 2, "{:?}", running.problems());
    std::os::unix::fs::symlink(&real, &root).unwrap();
    running.until("found", is_told).await;
    running.until("cleared", |running| running.problems().is_empty()).await;
    let live = sources(&running);
    running.stop().await;

    let cold = start(both()).await;
    assert!(is_told(&cold));
    assert_eq!(live, sources(&cold));
    cold.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_is_a_file_is_a_problem_until_a_folder_stands_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::write(&root, "").unwrap();
    let ralph = root.join("checkpoints/ralph");
    let running = start(Options {
        checkpoints: vec![ralph.clone()],
        optional: vec![(RootKind::Checkpoints, ralph)],
        ..options(&root)
    })
    .await;
    assert_eq!(running.health.borrow().roots[0].state, RootState::Unreadable);
    let problems = running.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[root.to_str().unwrap()].contains("is not a folder"),
        "{problems:?}"
    );
    std::fs::remove_file(&root).unwrap();
    let app = project(&root, "app", "here");
    running
        .until("found", |running| running.details(&app) == ["here"])
        .await;
    running.until("cleared", |running| running.problems().is_empty()).await;
    running
        .until("watched", |running| {
            running.health.borrow().roots[0].state == RootState::Watching
        })
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_global_folder_in_the_home_folder_makes_no_project() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let below = project(&home, "below", "a build");
    let with_home = || Options {
        home: Some(home.clone()),
        discover_ms: 100,
        ..options(folder.path())
    };
    let of_home = |running: &Running| running.details(&home).len();

    // It appears, and is found at the start, and below a root that is the home folder itself.
    let live = start(with_home()).await;
    project(&home, "", "no build");
    let deep = project(&home, "deep/er", "another build");
    live.until("found", |running| running.details(&deep).len() == 1).await;
    let listed = live.health.borrow().folders_listed;
    live.until("walked again", |running| {
        running.health.borrow().folders_listed >= listed + 12
    })
    .await;
    assert_eq!((of_home(&live), live.health.borrow().projects), (0, 2));
    live.stop().await;
    for root in [folder.path(), &home] {
        let cold = start(Options {
            roots: vec![root.to_owned()],
            ..with_home()
        })
        .await;
        assert_eq!((of_home(&cold), cold.health.borrow().projects), (0, 2));
        assert_eq!(cold.details(&below), ["a build"]);
        cold.stop().await;
    }

    // Nor does an earlier life that took it for one.
    let earlier = start(options(folder.path())).await;
    assert_eq!(of_home(&earlier), 1, "elsewhere such a folder is a project");
    let known = earlier.checkpoints();
    earlier.stop().await;
    let next = start_with(with_home(), known).await;
    assert_eq!(next.health.borrow().projects, 2);
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_is_removed_and_made_again_is_followed_and_keeps_its_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let app = project(&root, "app", "first");
    let running = start(options(&root)).await;

    std::fs::remove_dir_all(&root).unwrap();
    running.until("gone", |running| gone(running) == 1).await;
    project(&root, "app", "second");
    running
        .until("again", |running| running.details(&app) == ["first", "second"])
        .await;
    running.until("returned", |running| returned(running) == 1).await;

    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(&root, &elsewhere).unwrap();
    running.until("gone again", |running| gone(running) == 2).await;
    std::fs::write(phase_file(&elsewhere.join("app")), phase("unseen there")).unwrap();
    std::fs::rename(&elsewhere, &root).unwrap();
    running
        .until("back", |running| {
            running.details(&app).last().unwrap() == "unseen there"
        })
        .await;
    running.until("returned again", |running| returned(running) == 2).await;
    std::fs::write(phase_file(&app), phase("watched")).unwrap();
    running
        .until("watched", |running| running.details(&app).last().unwrap() == "watched")
        .await;
    running
        .until("no problems", |running| running.problems().is_empty())
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_whose_folder_of_state_is_removed_and_made_again_is_followed() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "first");
    let running = start(options(root.path())).await;
    for round in 1..=3 {
        std::fs::remove_dir_all(app.join(".context-foundry")).unwrap();
        running.until("gone", |running| gone(running) == round).await;
        project(root.path(), "app", &format!("round {round}"));
        running.until("returned", |running| returned(running) == round).await;
        let wanted = format!("round {round}");
        running
            .until(&wanted, |running| running.details(&app).last() == Some(&wanted))
            .await;
    }
    running.stop().await;
}

/// Root may read everything whatever the mode; these threads give that right up first. Threads inherit it from there.
fn as_an_ordinary_user(test: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        #[cfg(target_os = "linux")]
        {
            use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
            let mut sets = capabilities(None).unwrap();
            let rights = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            sets.effective.remove(rights);
            set_capabilities(None, sets).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test);
    });
    thread.join().unwrap();
}

#[test]
fn a_root_that_may_not_be_read_is_shown_and_recovers() {
    as_an_ordinary_user(async {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let app = project(&root, "app", "first");
        let running = start(options(&root)).await;
        chmod(&root, 0o000);
        running
            .until("unreadable", |running| {
                running.health.borrow().roots[0].state == RootState::Unreadable
            })
            .await;
        running.until("gone", |running| gone(running) == 1).await;
        assert!(running.problems()[root.to_str().unwrap()].starts_with("Unreadable"));
        chmod(&root, 0o700);
        running.until("returned", |running| returned(running) == 1).await;
        running
            .until("no problems", |running| running.problems().is_empty())
            .await;
        std::fs::write(phase_file(&app), phase("second")).unwrap();
        running
            .until("second", |running| running.details(&app) == ["first", "second"])
            .await;
        running.stop().await;
    });
}

#[test]
fn a_closed_root_is_one_problem_and_what_nobody_named_below_it_is_none() {
    as_an_ordinary_user(async {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let (ralph, logs) = (root.join("checkpoints/ralph"), root.join("logs"));
        checkpoint(&ralph, "weather", "scout");
        std::fs::create_dir(&logs).unwrap();
        chmod(&root, 0o000);
        let running = start(Options {
            checkpoints: vec![ralph.clone()],
            logs: vec![logs.clone()],
            optional: vec![(RootKind::Checkpoints, ralph.clone()), (RootKind::Logs, logs.clone())],
            ..options(&root)
        })
        .await;
        let problems = running.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[root.to_str().unwrap()].contains("list and enter it"),
            "{problems:?}"
        );
        assert_eq!(running.health.borrow().roots.len(), 1);
        chmod(&root, 0o700);
        running.until("read", |running| checkpoints(running) == ["scout"]).await;
        running
            .until("no problems", |running| running.problems().is_empty())
            .await;
        // By itself it is one: somebody made it, and nothing in it is seen.
        chmod(&logs, 0o000);
        running
            .until("closed", |running| {
                running.problems().contains_key(logs.to_str().unwrap())
            })
            .await;
        std::fs::remove_dir(&logs).unwrap();
        running
            .until("not there", |running| running.problems().is_empty())
            .await;
        running.stop().await;
    });
}

#[test]
fn a_file_or_a_folder_of_state_that_may_not_be_read_is_a_problem_until_it_may() {
    as_an_ordinary_user(async {
        let root = tempfile::tempdir().unwrap();
        let app = project(root.path(), "app", "first");
        let running = start(options(root.path())).await;
        for place in [phase_file(&app), app.join(".context-foundry")] {
            chmod(&place, 0o000);
            running.until("problem", |running| !running.problems().is_empty()).await;
            let problems = running.problems();
            assert!(
                problems.values().all(|problem| problem.starts_with("Unreadable")),
                "{problems:?}"
            );
            chmod(&place, 0o700);
            running
                .until("no problems", |running| running.problems().is_empty())
                .await;
        }
        assert_eq!(running.details(&app), ["first"]);
        assert_eq!(
            gone(&running),
            0,
            "one failed reading does not make a session disappear"
        );
        running.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_may_be_a_project_itself_and_roots_may_overlap() {
    let root = tempfile::tempdir().unwrap();
    project(root.path(), "", "the root");
    let itself = root.path();
    let inner = project(root.path(), "inner", "inside");
    let both = Options {
        roots: vec![root.path().to_owned(), inner.clone()],
        ..options(root.path())
    };
    let running = start(both).await;
    assert_eq!(running.details(itself).len() + running.details(&inner).len(), 2);
    std::fs::write(phase_file(&inner), phase("changed")).unwrap();
    running
        .until("changed", |running| running.details(&inner) == ["inside", "changed"])
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_is_a_link_is_followed_to_wherever_it_leads() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("current");
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    let (first, second) = (project(&one, "first", "here"), project(&two, "second", "there"));
    std::os::unix::fs::symlink(&one, &root).unwrap();
    let running = start(options(&root)).await;
    assert_eq!(running.details(&first), ["here"]);
    // As `ln -sfn` does it.
    std::os::unix::fs::symlink(&two, folder.path().join("next")).unwrap();
    std::fs::rename(folder.path().join("next"), &root).unwrap();
    running
        .until("found", |running| running.details(&second) == ["there"])
        .await;
    std::fs::write(phase_file(&second), phase("and watched")).unwrap();
    running
        .until("watched", |running| running.details(&second).len() == 2)
        .await;
    assert_eq!(gone(&running), 0, "{:#?}", running.facts());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_is_away_for_a_moment_takes_no_session_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (root, away) = (folder.path().join("root"), folder.path().join("away"));
    let (app, other) = (project(&root, "app", "first"), project(&root, "other", "first"));
    let running = start(Options {
        away_ms: 3_600_000,
        ..options(&root)
    })
    .await;
    for round in 1..=2 {
        std::fs::rename(&root, &away).unwrap();
        let is_in = |running: &Running, state| running.health.borrow().roots[0].state == state;
        running
            .until("away", |running| is_in(running, RootState::Missing))
            .await;
        std::fs::rename(&away, &root).unwrap();
        running
            .until("back", |running| is_in(running, RootState::Watching))
            .await;
        let again = format!("round {round}");
        std::fs::write(phase_file(&app), phase(&again)).unwrap();
        running
            .until("followed", |running| running.details(&app).last() == Some(&again))
            .await;
        assert_eq!((gone(&running), returned(&running)), (0, 0));
    }
    // What is removed below a root that stands is gone.
    std::fs::remove_dir_all(&other).unwrap();
    running.until("gone", |running| gone(running) == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_project_deep_in_a_tree_that_notifies_of_nothing_is_found_by_looking() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("a/b/c/d")).unwrap();
    let running = start(Options {
        poll: true,
        discover_ms: 3_600_000,
        ..options(root.path())
    })
    .await;
    let app = project(root.path(), "a/b/c/d/app", "here");
    running
        .until("found", |running| running.details(&app) == ["here"])
        .await;
    running.stop().await;
}
