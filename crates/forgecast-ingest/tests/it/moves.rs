//! Projects whose folder, or a folder above it, is renamed: it is the same project, read on where it is now.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use forgecast_ingest::Options;
use forgecast_protocol::event::{ArtifactChanged, SourceMoved};
use forgecast_protocol::{Fact, SourceCheckpoint, SourceKey};

use crate::support::{Running, options, phase, phase_file, project, replace, start, start_with};

/// The moves that were told, from where to where.
fn moves(running: &Running) -> Vec<(String, String)> {
    running.pick(|event| match &event.fact {
        Fact::SourceMoved(SourceMoved { from, to }) => {
            assert_eq!(
                event.subject.directory.as_ref(),
                Some(from),
                "told of the place that is known"
            );
            Some((from.clone(), to.clone()))
        }
        _ => None,
    })
}

fn a_move(from: &Path, to: &Path) -> Vec<(String, String)> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    vec![(text(from), text(to))]
}

/// A project with a report and a log of one line.
fn rich(root: &Path, name: &str) -> std::path::PathBuf {
    let app = project(root, name, "here");
    std::fs::write(app.join(".context-foundry/scout-report.md"), "# report").unwrap();
    std::fs::write(app.join(".context-foundry/build-output-1.txt"), "one\n").unwrap();
    app
}

fn add_line(project: &Path, line: &str) {
    let log = project.join(".context-foundry/build-output-1.txt");
    let mut log = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    writeln!(log, "{line}").unwrap();
}

fn texts(running: &Running) -> Vec<String> {
    running.lines().into_iter().map(|line| line.text).collect()
}

fn told_of(running: &Running, file: &str) -> usize {
    let is_of = |fact: &Fact| matches!(fact, Fact::ArtifactChanged(ArtifactChanged { name, .. }) if name == file);
    running.facts().iter().filter(|fact| is_of(fact)).count()
}

/// What a store would keep of these lives: what is the default is no longer stored.
fn kept(lives: &[&Running]) -> BTreeMap<SourceKey, SourceCheckpoint> {
    let mut kept = BTreeMap::new();
    for life in lives {
        kept.extend(life.checkpoints());
    }
    kept.retain(|_, checkpoint| *checkpoint != SourceCheckpoint::default());
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_is_renamed_goes_on_at_its_new_path_and_nothing_is_told_twice() {
    let root = tempfile::tempdir().unwrap();
    let app = rich(root.path(), "app");
    let running = start(options(root.path())).await;
    let renamed = root.path().join("weather");
    std::fs::rename(&app, &renamed).unwrap();
    running
        .until("followed", |running| moves(running) == a_move(&app, &renamed))
        .await;
    std::fs::write(phase_file(&renamed), phase("there")).unwrap();
    add_line(&renamed, "two");
    running
        .until("read on", |running| {
            running.details(&renamed) == ["there"] && texts(running) == ["one", "two"]
        })
        .await;
    assert_eq!(running.details(&app), ["here"]);
    assert_eq!(told_of(&running, ".context-foundry/scout-report.md"), 1);
    assert_eq!(running.health.borrow().projects, 1);
    let kept = kept(&[&running]);
    assert!(!kept.is_empty() && kept.keys().all(|key| key.0.starts_with(renamed.to_str().unwrap())));
    running.stop().await;

    let next = start_with(options(root.path()), kept).await;
    assert_eq!((next.health.borrow().reads, next.facts().len()), (0, 0));
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_above_projects_that_is_renamed_takes_them_along() {
    let root = tempfile::tempdir().unwrap();
    let group = root.path().join("group");
    let apps = [rich(&group, "one"), project(&group.join("deep/er"), "two", "here")];
    let running = start(options(root.path())).await;
    let renamed = root.path().join("others");
    std::fs::rename(&group, &renamed).unwrap();
    let places = [renamed.join("one"), renamed.join("deep/er/two")];
    for (app, place) in apps.iter().zip(&places) {
        running
            .until("followed", |running| moves(running).contains(&a_move(app, place)[0]))
            .await;
        replace(&phase_file(place), &phase("there"));
        running
            .until("read on", |running| running.details(place) == ["there"])
            .await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_is_renamed_while_nobody_watches_is_known_again() {
    let root = tempfile::tempdir().unwrap();
    let bare = ["unchanged", "in-place", "by-rename"].map(|name| project(root.path(), name, "here"));
    let app = rich(root.path(), "app");
    let first = start(options(root.path())).await;
    let known = kept(&[&first]);
    first.stop().await;
    let to = |from: &Path| from.with_extension("moved");
    for from in bare.iter().chain([&app]) {
        std::fs::rename(from, to(from)).unwrap();
    }
    let [_, in_place, by_rename] = &bare;
    std::fs::write(phase_file(&to(in_place)), phase("there")).unwrap();
    replace(&phase_file(&to(by_rename)), &phase("there"));
    add_line(&to(&app), "two");
    let second = start_with(options(root.path()), known).await;
    second.until("followed", |running| moves(running).len() == 4).await;
    for from in [in_place, by_rename] {
        second
            .until("read on", |running| running.details(&to(from)) == ["there"])
            .await;
    }
    second.until("the log", |running| texts(running) == ["two"]).await;
    assert_eq!(second.details(&to(&app)), [] as [&str; 0], "nothing is told twice");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_below_a_root_that_is_renamed_while_nobody_watches_are_known_again() {
    let folder = tempfile::tempdir().unwrap();
    let (root, renamed) = (folder.path().join("homelab"), folder.path().join("lab"));
    let app = rich(&root, "app");
    let first = start(options(&root)).await;
    let known = kept(&[&first]);
    first.stop().await;
    std::fs::rename(&root, &renamed).unwrap();
    let second = start_with(options(&renamed), known).await;
    let place = renamed.join("app");
    second
        .until("followed", |running| moves(running) == a_move(&app, &place))
        .await;
    std::fs::write(phase_file(&place), phase("there")).unwrap();
    second
        .until("read on", |running| running.details(&place) == ["there"])
        .await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_another_project() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "here");
    let running = start(options(root.path())).await;
    let copy = root.path().join("copy");
    std::fs::create_dir_all(copy.join(".context-foundry")).unwrap();
    std::fs::copy(phase_file(&app), phase_file(&copy)).unwrap();
    running.until("two", |running| running.details(&copy) == ["here"]).await;
    std::fs::write(phase_file(&app), phase("on")).unwrap();
    running
        .until("both", |running| running.details(&app) == ["here", "on"])
        .await;
    assert_eq!(moves(&running), []);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_in_the_old_place_of_a_renamed_one_is_another() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "the first");
    let running = start(options(root.path())).await;
    let old = root.path().join("app-old");
    std::fs::rename(&app, &old).unwrap();
    let app = project(root.path(), "app", "the second");
    running
        .until("both", |running| {
            moves(running) == a_move(&app, &old) && running.details(&app) == ["the first", "the second"]
        })
        .await;
    let first_sight = running.pick(|event| match &event.fact {
        Fact::PhaseReported(report) if report.detail.as_deref() == Some("the second") => Some(event.origin.first_sight),
        _ => None,
    });
    assert_eq!(first_sight, [true], "nothing of the first is known of the second");
    running.stop().await;
}

/// The system gives the numbers of what was removed to what is made next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_has_only_the_number_of_a_removed_one_is_another() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "here");
    let first = start(options(root.path())).await;
    let mut known = kept(&[&first]);
    first.stop().await;
    let other = project(root.path(), "other", "there");
    std::fs::write(phase_file(&other), phase("there").replace(r#""s""#, r#""other""#)).unwrap();
    std::fs::remove_dir_all(&app).unwrap();
    let number = std::os::unix::fs::MetadataExt::ino(&other.join(".context-foundry").metadata().unwrap());
    let marker = SourceKey(app.join(".context-foundry").to_str().unwrap().to_owned());
    known.get_mut(&marker).unwrap().identity.inode = number;
    let second = start_with(options(root.path()), known).await;
    second
        .until("read", |running| running.details(&other) == ["there"])
        .await;
    assert_eq!(moves(&second), []);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_in_the_old_place_of_one_that_was_renamed_while_nobody_watched_is_another() {
    let root = tempfile::tempdir().unwrap();
    let app = rich(root.path(), "app");
    let first = start(options(root.path())).await;
    let known = kept(&[&first]);
    first.stop().await;
    let old = root.path().join("app-old");
    std::fs::rename(&app, &old).unwrap();
    project(root.path(), "app", "the second");
    let second = start_with(options(root.path()), known).await;
    second
        .until("both", |running| {
            moves(running) == a_move(&app, &old) && running.details(&app) == ["the second"]
        })
        .await;
    add_line(&old, "two");
    second.until("the log", |running| texts(running) == ["two"]).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_goes_on_naming_the_old_path_belongs_to_its_session_by_name_only() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "here");
    let checkpoint = root.path().join("checkpoints/ralph/s");
    let save = |phase: &str| {
        std::fs::create_dir_all(&checkpoint).unwrap();
        let state = format!(r#"{{"session_id": "s", "current_phase": "{phase}", "working_directory": {app:?}}}"#);
        std::fs::write(checkpoint.join("state.json"), state).unwrap();
    };
    save("scout");
    let running = start(Options {
        checkpoints: vec![root.path().join("checkpoints/ralph")],
        ..options(root.path())
    })
    .await;
    let told = |running: &Running| {
        running.pick(|event| match &event.fact {
            Fact::CheckpointReported(_) => Some(event.subject.directory.clone()),
            _ => None,
        })
    };
    assert_eq!(told(&running), [Some(app.to_str().unwrap().to_owned())]);
    let renamed = root.path().join("weather");
    std::fs::rename(&app, &renamed).unwrap();
    running
        .until("followed", |running| moves(running) == a_move(&app, &renamed))
        .await;
    save("builder");
    running.until("told", |running| told(running).len() == 2).await;
    assert_eq!(told(&running)[1], None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_file_of_a_renamed_project_is_said_of_its_new_path() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "here");
    let running = start(options(root.path())).await;
    std::fs::write(phase_file(&app), r#"{"current_phase": "Te"#).unwrap();
    running
        .until("a problem", |running| running.problems().len() == 1)
        .await;
    let renamed = root.path().join("weather");
    std::fs::rename(&app, &renamed).unwrap();
    let key = phase_file(&renamed).to_str().unwrap().to_owned();
    running
        .until("at its new path", |running| running.problems().keys().eq([&key]))
        .await;
    std::fs::write(phase_file(&renamed), phase("mended")).unwrap();
    running
        .until("over", |running| {
            running.problems().is_empty() && running.details(&renamed) == ["mended"]
        })
        .await;
    running.stop().await;
}
