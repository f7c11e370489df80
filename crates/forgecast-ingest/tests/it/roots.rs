//! Configured folders that come and go.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use forgecast_ingest::Options;
use forgecast_protocol::Fact;
use forgecast_protocol::health::RootState;

use crate::support::{Running, options, phase, phase_file, project, start};

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
