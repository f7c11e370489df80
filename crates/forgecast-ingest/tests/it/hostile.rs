//! Things that are not plain files of their own, in the places of files that we read.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use forgecast_ingest::Options;

use crate::support::{options, phase, phase_file, project, start};

const CANARY: &str = "canary-6f1c2a-must-never-leave";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipes_sockets_devices_and_folders_block_nothing_and_are_shown() {
    let root = tempfile::tempdir().unwrap();
    let good = project(root.path(), "good", "0");
    let make = |name: &str, make: &dyn Fn(&Path)| {
        let folder = root.path().join(name).join(".context-foundry");
        std::fs::create_dir_all(&folder).unwrap();
        make(&folder.join("current-phase.json"));
        make(&folder.join("session-summary.json"));
        make(&folder.join("build-output-1.txt"));
    };
    let sockets = std::cell::RefCell::new(Vec::new());
    make("pipe", &|path| {
        mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    });
    make("socket", &|path| {
        let socket = std::os::unix::net::UnixListener::bind(path).unwrap();
        sockets.borrow_mut().push(socket);
    });
    make("folder", &|path| std::fs::create_dir(path).unwrap());
    // Needs a right that not everybody has.
    let device = rustix::fs::makedev(1, 3);
    make("device", &|path| {
        let _ = mknodat(CWD, path, FileType::CharacterDevice, Mode::RWXU, device);
    });
    let running = start(options(root.path())).await;
    let problems = running.problems();
    for name in ["pipe", "socket", "folder"] {
        let count = problems
            .iter()
            .filter(|(key, _)| key.contains(&format!("/{name}/")))
            .count();
        assert_eq!(count, 3, "{name}: {problems:#?}");
    }
    assert!(
        problems.values().all(|problem| problem.starts_with("Refused")),
        "{problems:#?}"
    );
    std::fs::write(phase_file(&good), phase("still at work")).unwrap();
    running
        .until("at work", |running| running.details(&good).len() == 2)
        .await;
    assert_eq!(running.health.borrow().stuck, 0);

    let file = root.path().join("pipe/.context-foundry/current-phase.json");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, phase("a file at last")).unwrap();
    running
        .until("a file", |running| {
            running.details(&root.path().join("pipe")).len() == 1
        })
        .await;
    running
        .until("cleared", |running| {
            !running.problems().contains_key(file.to_str().unwrap())
        })
        .await;
    running.stop().await;
}

/// Builds the layout of one case; the canary lies outside of the root, and also inside it under a name nobody reads.
fn link_layout(case: usize, root: &Path, outside: &Path) {
    let project = root.join(format!("p{case}"));
    let folder = project.join(".context-foundry");
    let names = [
        "current-phase.json",
        "session-summary.json",
        "build-tasks.json",
        "build-output-1.txt",
        "scout-report.md",
        "feedback/build-feedback-1.json",
        "patterns/common-issues.json",
        "test-final-report.md",
    ];
    let name = names[case % names.len()];
    let file = folder.join(name);
    let target = outside.join("canary.json");
    let prepare = || std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    match (case / names.len()) % 5 {
        0 => {
            prepare();
            symlink(&target, &file).unwrap();
        }
        1 => {
            prepare();
            std::fs::hard_link(&target, &file).unwrap();
        }
        2 => {
            // The folder itself is a link.
            std::fs::create_dir_all(&project).unwrap();
            symlink(outside.join("foundry"), &folder).unwrap();
        }
        3 => {
            // A chain of relative links through the project.
            prepare();
            symlink(&target, project.join("step")).unwrap();
            symlink(Path::new("../step"), folder.join("hop")).unwrap();
            symlink(if name.contains('/') { "../hop" } else { "hop" }, &file).unwrap();
        }
        _ => {
            // The project is a link, or a link into /proc.
            if case.is_multiple_of(2) {
                symlink(outside, &project).unwrap();
            } else {
                prepare();
                symlink("/proc/self/cwd", &file).unwrap();
            }
        }
    }
}

fn outside() -> tempfile::TempDir {
    let outside = tempfile::tempdir().unwrap();
    let foundry = outside.path().join("foundry");
    for folder in [&foundry, &outside.path().join(".context-foundry")] {
        std::fs::create_dir_all(folder.join("feedback")).unwrap();
        std::fs::write(folder.join("current-phase.json"), phase(CANARY)).unwrap();
        std::fs::write(folder.join("build-output-1.txt"), format!("{CANARY}\n")).unwrap();
    }
    std::fs::write(outside.path().join("canary.json"), phase(CANARY)).unwrap();
    outside
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_layout_of_links_gives_a_file_away() {
    let (root, outside) = (tempfile::tempdir().unwrap(), outside());
    let good = project(root.path(), "good", "0");
    let running = start(Options {
        // What is idle is looked at, too.
        poll: true,
        ..options(root.path())
    })
    .await;
    for case in 0..200 {
        link_layout(case, root.path(), outside.path());
    }
    std::fs::write(phase_file(&good), phase("done")).unwrap();
    running.until("done", |running| running.details(&good).len() == 2).await;
    let before = running.health.borrow().looks;
    running
        .until("several rounds", |running| {
            running.health.borrow().looks > before + 1_000
        })
        .await;
    assert_no_canary(&running);
    assert!(
        running
            .problems()
            .values()
            .filter(|problem| problem.starts_with("Refused"))
            .count()
            >= 80
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_swap_at_the_worst_moment_gives_a_file_away() {
    let (root, outside) = (tempfile::tempdir().unwrap(), outside());
    let app = project(root.path(), "app", "mine");
    let (folder, aside) = (app.join(".context-foundry"), app.join("aside"));
    let running = start(options(root.path())).await;
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = {
        let (stop, folder, aside, outside) = (Arc::clone(&stop), folder.clone(), aside, outside.path().to_owned());
        tokio::task::spawn_blocking(move || {
            let file: PathBuf = folder.join("current-phase.json");
            let mut rounds = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                // The file against a link, then the folder against a link.
                std::fs::remove_file(&file).unwrap();
                symlink(outside.join("canary.json"), &file).unwrap();
                std::fs::remove_file(&file).unwrap();
                std::fs::write(&file, phase(&format!("mine {rounds}"))).unwrap();
                std::fs::rename(&folder, &aside).unwrap();
                symlink(outside.join("foundry"), &folder).unwrap();
                std::fs::remove_file(&folder).unwrap();
                std::fs::rename(&aside, &folder).unwrap();
                rounds += 1;
            }
            std::fs::write(&file, phase("mine at last")).unwrap();
        })
    };
    running
        .until("many readings", |running| running.health.borrow().reads > 30)
        .await;
    stop.store(true, Ordering::Relaxed);
    swapping.await.unwrap();
    running
        .until("at last", |running| {
            running.details(&app).last().unwrap() == "mine at last"
        })
        .await;
    assert_no_canary(&running);
    running.stop().await;
}

fn assert_no_canary(running: &crate::support::Running) {
    let everything = format!("{:?}", running.batches());
    assert!(!everything.contains(CANARY));
}
