use forgecast_protocol::{Fact, SourceKind};

use crate::support::{options, phase, phase_file, project, replace, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_is_there_is_read_at_the_start_in_one_batch_phase_file_first() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "first");
    std::fs::write(app.join(".context-foundry/architecture.md"), "# plan").unwrap();
    std::fs::write(app.join(".context-foundry/build-output-1.txt"), "one\ntwo\nthr").unwrap();
    let running = start(options(root.path())).await;
    let batches = running.batches();
    assert_eq!(batches.len(), 1);
    let first = &batches[0].events[0];
    assert_eq!(first.origin.kind, SourceKind::PhaseFile);
    assert!(first.origin.first_sight);
    assert!(matches!(&first.fact, Fact::PhaseReported(phase) if phase.detail.as_deref() == Some("first")));
    assert_eq!(
        running
            .lines()
            .iter()
            .map(|line| line.text.as_str())
            .collect::<Vec<_>>(),
        ["one", "two"]
    );
    assert_eq!(running.health.borrow().projects, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_change_of_a_phase_file_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let running = start(options(root.path())).await;
    let file = phase_file(&app);
    let seen = async |detail: &'static str| {
        running
            .until(detail, |running| {
                running.details(&app).last().map(String::as_str) == Some(detail)
            })
            .await;
    };
    std::fs::write(&file, phase("written")).unwrap();
    seen("written").await;
    replace(&file, &phase("renamed"));
    seen("renamed").await;
    std::fs::remove_file(&file).unwrap();
    running
        .until("gone", |running| {
            running.has(|fact| matches!(fact, Fact::SourceGone(_)))
        })
        .await;
    std::fs::write(&file, phase("made again")).unwrap();
    seen("made again").await;
    running
        .until("back", |running| {
            running.has(|fact| matches!(fact, Fact::SourceReturned(_)))
        })
        .await;
    std::fs::remove_dir_all(&app).unwrap();
    project(root.path(), "app", "all new");
    seen("all new").await;
    std::fs::rename(&app, root.path().join("elsewhere")).unwrap();
    let moved = root.path().join("elsewhere");
    std::fs::write(phase_file(&moved), phase("after the move")).unwrap();
    running
        .until("works there", |running| running.details(&moved) == ["after the move"])
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_written_in_two_halves_is_never_shown_as_half() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "whole 0");
    let running = start(options(root.path())).await;
    const ROUNDS: usize = 10;
    for round in 1..=ROUNDS {
        let text = phase(&format!("whole {round}"));
        let (one, two) = text.split_at(text.len() / 2);
        // Behind the window of the last reading, so that the half is read at once; whole within the tries that follow.
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        std::fs::write(phase_file(&app), one).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(40)).await;
        let mut file = std::fs::OpenOptions::new().append(true).open(phase_file(&app)).unwrap();
        std::io::Write::write_all(&mut file, two.as_bytes()).unwrap();
        drop(file);
        let wanted = format!("whole {round}");
        running
            .until(&wanted, |running| running.details(&app).last() == Some(&wanted))
            .await;
    }
    assert!(running.details(&app).iter().all(|detail| detail.starts_with("whole")));
    assert_eq!(running.problems().len(), 0, "{:?}", running.problems());
    // It is read again before it is called broken. A machine that stands still for longer than all tries may be told so,
    // but not each time.
    let broken = running.pick(|event| matches!(event.fact, Fact::ProblemFound(_)).then_some(()));
    assert!(broken.len() < ROUNDS / 2, "{} times", broken.len());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_stays_broken_is_a_problem_until_it_is_whole_again() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "good");
    let running = start(options(root.path())).await;
    std::fs::write(phase_file(&app), "{\"current_phase\": \"Bui").unwrap();
    running.until("problem", |running| running.problems().len() == 1).await;
    let problems = running.problems();
    assert!(
        problems.values().next().unwrap().starts_with("Unparsable"),
        "{problems:?}"
    );
    assert_eq!(running.details(&app), ["good"]);
    std::fs::write(phase_file(&app), phase("good")).unwrap();
    running.until("cleared", |running| running.problems().is_empty()).await;
    assert_eq!(running.details(&app), ["good"], "the same content again is no news");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_made_beside_the_files_is_no_trouble() {
    let root = tempfile::tempdir().unwrap();
    let app = project(root.path(), "app", "0");
    let running = start(options(root.path())).await;
    let feedback = app.join(".context-foundry/feedback");
    std::fs::create_dir(&feedback).unwrap();
    std::fs::create_dir(app.join(".context-foundry/screenshots")).unwrap();
    let issue = r#"{"issues_found": [{"id": "i1", "issue": "a name is wrong"}]}"#;
    replace(&feedback.join("build-feedback-1.json"), issue);
    running
        .until("the feedback", |running| {
            running.has(|fact| matches!(fact, Fact::DecisionRecorded(_)))
        })
        .await;
    // Long after the folders were made: by then each would have been looked at.
    std::fs::write(app.join(".context-foundry/notes.md"), "done").unwrap();
    running
        .until("the notes", |running| {
            running.has(|fact| matches!(fact, Fact::ArtifactChanged(file) if file.name.ends_with("notes.md")))
        })
        .await;
    assert!(!running.has(|fact| matches!(fact, Fact::ProblemFound(_))));
    running.stop().await;
}
