//! Large trees: the work at the start is proportional to folders, not to files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use forgecast_ingest::Options;

use crate::support::{options, phase, phase_file, project, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_big_tree_costs_one_listing_per_folder_and_no_reading_of_others_files() {
    let root = tempfile::tempdir().unwrap();
    let mut projects: Vec<PathBuf> = Vec::new();
    for group in 0..5 {
        for number in 0..10 {
            projects.push(project(root.path(), &format!("a/b/g{group}/p{number}"), "0"));
        }
    }
    for folder in 0..40 {
        let folder = root.path().join(format!("files/f{folder}"));
        std::fs::create_dir_all(&folder).unwrap();
        for file in 0..100 {
            std::fs::write(folder.join(format!("{file}.json")), "{}").unwrap();
        }
    }
    for name in ["node_modules", ".git", "target", ".venv"] {
        for folder in 0..50 {
            project(root.path(), &format!("files/{name}/m{folder}"), "hidden");
        }
    }
    let running = start(options(root.path())).await;
    let health = running.health.borrow().clone();
    assert_eq!(health.projects, 50);
    assert_eq!(health.reads, 50, "only the phase files");
    // The root, a, b, 5 groups, 50 projects, files and its 40 folders, and each project's own folder.
    assert_eq!(health.folders_listed, 1 + 1 + 1 + 5 + 50 + 1 + 40 + 50);
    let watched_levels = 1 + 2 + 1 + 40;
    assert_eq!(
        health.watches,
        watched_levels + 50 * 2,
        "with the number of projects, not of files"
    );
    for project in &projects {
        std::fs::write(phase_file(project), phase("1")).unwrap();
        running.until("1", |running| running.details(project).len() == 2).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_made_deep_in_the_tree_is_found_by_the_next_walk() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("a/b/c/d/e")).unwrap();
    let running = start(Options {
        reconcile_ms: 600_000,
        discover_ms: 200,
        ..options(root.path())
    })
    .await;
    let deep = project(root.path(), "a/b/c/d/e/f", "deep");
    running
        .until("deep", |running| running.details(&deep) == ["deep"])
        .await;
    std::fs::write(phase_file(&deep), phase("watched")).unwrap();
    running
        .until("watched", |running| running.details(&deep).len() == 2)
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_to_folders_are_not_followed_and_folders_named_build_are_not_hidden() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    project(outside.path(), "secret", "never");
    std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
    std::os::unix::fs::symlink(root.path(), root.path().join("circle")).unwrap();
    let [build, dist] = ["build/app", "x/dist"].map(|name| project(root.path(), name, "seen"));
    let running = start(options(root.path())).await;
    assert_eq!(running.health.borrow().projects, 2);
    assert_eq!((running.details(&build).len(), running.details(&dist).len()), (1, 1));
    running.stop().await;
}

/// A git repository that is no build.
fn repository(root: &Path, name: &str) -> PathBuf {
    let folder = root.join(name);
    std::fs::create_dir_all(folder.join(".git")).unwrap();
    std::fs::create_dir_all(folder.join("src/inner")).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worktrees_are_found_where_agents_make_them_without_a_walk() {
    let root = tempfile::tempdir().unwrap();
    let build = project(root.path(), "build", "0");
    std::fs::create_dir_all(build.join("packages")).unwrap();
    let repositories = ["shop", "a/shop", "a/b/c/d/shop", "build/packages/shop"];
    for name in repositories {
        repository(root.path(), name);
    }
    let running = start(Options {
        reconcile_ms: 600_000,
        discover_ms: 600_000,
        ..options(root.path())
    })
    .await;
    let seen = Instant::now();
    for (number, place) in [".claude/worktrees", ".worktrees", "../shop-worktrees"]
        .iter()
        .enumerate()
    {
        for repository in repositories {
            // The second one finds the folder of worktrees there already.
            for name in ["fix", "next"] {
                let worktree = root.path().join(repository).join(place).join(name);
                std::fs::create_dir_all(worktree.join("src")).unwrap();
                let worktree = worktree.canonicalize().unwrap();
                std::fs::write(worktree.join(".git"), "gitdir: elsewhere").unwrap();
                let detail = format!("{number} {name}");
                project(&worktree, "", &detail);
                running
                    .until(&format!("{}", worktree.display()), |running| {
                        running.details(&worktree) == [detail.as_str()]
                    })
                    .await;
            }
        }
    }
    let each = seen.elapsed() / 24;
    assert!(each < Duration::from_secs(2), "{each:?}");
    running.stop().await;
}
