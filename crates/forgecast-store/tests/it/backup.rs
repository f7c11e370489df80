//! Backups of a database that is written to, and what is restored from them.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use forgecast_store::{Error, Store, backup, restore};
use rusqlite::Connection;

use crate::helpers::*;

async fn numbers(store: &Store) -> Vec<u64> {
    let facts = store.events_after(&id("a~1"), 0, u32::MAX).await.unwrap();
    facts.iter().map(|stored| number_of(&stored.event)).collect()
}

/// A store with so many facts, still open.
async fn filled(place: &Place, facts: u64) -> Store {
    let store = place.store().await;
    let facts = (1..=facts).map(|number| event("a~1", number, numbered(number)));
    store
        .commit(commit([session("a~1")].into_iter().chain(facts)))
        .await
        .unwrap();
    store
}

impl Place {
    fn copy(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_holds_what_was_acknowledged_before_it_began() {
    let place = Place::new();
    let store = filled(&place, 1).await;
    let (mut next, mut acknowledged) = (2, 1);
    for round in 0..20 {
        // What is under way while the backup is made may be in it or not.
        let pending: Vec<_> = (next..next + 50)
            .map(|number| store.commit(commit([event("a~1", number, numbered(number))])))
            .collect();
        next += 50;
        let to = place.folder.path().join(format!("copy-{round}.db"));
        let database = place.path();
        let made = tokio::task::spawn_blocking(move || backup(&database, &to))
            .await
            .unwrap()
            .unwrap();
        for done in pending {
            done.await.unwrap();
        }
        let copy = Place::new();
        let from = place.folder.path().join(format!("copy-{round}.db"));
        assert_eq!(std::fs::metadata(&from).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&from).unwrap().len(), made.bytes);
        restore(&from, &copy.path(), time(NOW_MS)).unwrap();
        let restored = copy.store().await;
        let held = numbers(&restored).await;
        let last = *held.last().unwrap();
        assert!(
            (acknowledged..next).contains(&last),
            "{acknowledged} acknowledged, {last} copied"
        );
        assert_eq!(held, (1..=last).collect::<Vec<_>>());
        assert_eq!((made.sessions, made.facts, made.newest), (1, last, Some(time(NOW_MS))));
        acknowledged = next - 1;
    }
}

#[tokio::test]
async fn a_backup_without_a_server_leaves_the_database_as_it_is() {
    let place = Place::new();
    filled(&place, 3).await.close().await.unwrap();
    let before = std::fs::read(place.path()).unwrap();
    backup(&place.path(), &place.copy()).unwrap();
    assert_eq!(place.names(), ["copy.db", "forgecast.db", "forgecast.db.lock"]);
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[tokio::test]
async fn what_a_killed_server_left_in_its_log_is_in_the_backup() {
    let place = Place::new();
    let store = filled(&place, 3).await;
    // The files as a kill leaves them.
    let copy = Place::new();
    for name in place.names() {
        std::fs::copy(place.folder.path().join(&name), copy.folder.path().join(&name)).unwrap();
    }
    drop(store);
    assert_eq!(backup(&copy.path(), &copy.copy()).unwrap().facts, 3);
}

#[tokio::test]
async fn a_backup_never_overwrites_and_a_failed_one_leaves_nothing() {
    let place = Place::new();
    let _store = filled(&place, 3).await;
    std::fs::write(place.copy(), "something else").unwrap();
    let error = backup(&place.path(), &place.copy()).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    assert_eq!(std::fs::read(place.copy()).unwrap(), b"something else");
    let below = place.folder.path().join("nowhere/copy.db");
    assert!(matches!(backup(&place.path(), &below), Err(Error::Copy { .. })));
    let dangling = place.folder.path().join("link");
    std::os::unix::fs::symlink("nothing", &dangling).unwrap();
    assert!(matches!(backup(&place.path(), &dangling), Err(Error::Exists { .. })));
    let missing = place.folder.path().join("missing.db");
    assert!(matches!(backup(&missing, &below), Err(Error::Missing { .. })));
    assert!(
        !place.names().iter().any(|name| name.ends_with(".partial")),
        "{:?}",
        place.names()
    );
}

#[tokio::test]
async fn restoring_sets_the_present_database_aside_and_begins_an_epoch() {
    let place = Place::new();
    let opened = place.open().await;
    let (store, epoch) = (opened.store, opened.epoch);
    store
        .commit(commit([session("a~1"), event("a~1", 1, numbered(1))]))
        .await
        .unwrap();
    store.close().await.unwrap();
    backup(&place.path(), &place.copy()).unwrap();
    let store = place.store().await;
    store.commit(commit([event("a~1", 2, numbered(2))])).await.unwrap();
    let error = restore(&place.copy(), &place.path(), time(NOW_MS)).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert_eq!(numbers(&store).await, [1, 2]);
    store.close().await.unwrap();

    let restored = restore(&place.copy(), &place.path(), time(NOW_MS)).unwrap();
    let replaced = place.folder.path().join("forgecast.db.replaced-20260131T081500Z");
    assert_eq!(
        (restored.replaced.as_ref(), restored.contents.facts),
        (Some(&replaced), 1)
    );
    let opened = place.open().await;
    assert_eq!(numbers(&opened.store).await, [1]);
    assert_ne!(opened.epoch, epoch, "viewers may hold revisions that are no more");
    opened.store.close().await.unwrap();
    // And back again, from what was set aside.
    restore(&replaced, &place.path(), time(NOW_MS)).unwrap();
    assert_eq!(numbers(&place.store().await).await, [1, 2]);
    assert!(place.copy().exists() && replaced.exists());
}

/// Restoring this fails, and nothing of the database changes.
fn is_refused(place: &Place, file: &Path) -> Error {
    let before = (place.names(), std::fs::read(place.path()).unwrap());
    let error = restore(file, &place.path(), time(NOW_MS)).unwrap_err();
    assert_eq!((place.names(), std::fs::read(place.path()).unwrap()), before, "{error}");
    error
}

#[tokio::test]
async fn what_is_not_a_whole_database_of_ours_is_not_restored() {
    let (place, files) = (Place::new(), Place::new());
    filled(&place, 500).await.close().await.unwrap();
    let file = |name: &str| files.folder.path().join(name);
    std::fs::write(file("text"), "no database").unwrap();
    std::fs::write(file("empty"), "").unwrap();
    let foreign = Connection::open(file("foreign")).unwrap();
    foreign.execute_batch("CREATE TABLE a (b)").unwrap();
    drop(foreign);
    for name in ["text", "empty", "foreign"] {
        assert!(
            matches!(is_refused(&place, &file(name)), Error::NotOurs { .. }),
            "{name}"
        );
    }
    assert!(matches!(is_refused(&place, files.folder.path()), Error::NotOurs { .. }));
    assert!(matches!(is_refused(&place, &file("missing")), Error::Missing { .. }));

    let newer = file("newer");
    backup(&place.path(), &newer).unwrap();
    Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(matches!(is_refused(&place, &newer), Error::Newer { .. }));

    let whole = file("whole");
    backup(&place.path(), &whole).unwrap();
    let mut bytes = std::fs::read(&whole).unwrap();
    std::fs::write(file("cut"), &bytes[..bytes.len() / 2]).unwrap();
    let at = bytes.len() * 2 / 3;
    bytes[at..at + 4096].fill(0xAA);
    std::fs::write(file("changed"), bytes).unwrap();
    for name in ["cut", "changed"] {
        assert!(
            matches!(is_refused(&place, &file(name)), Error::Damaged { .. }),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_damaged_database_is_replaced_and_kept() {
    let place = Place::new();
    filled(&place, 3).await.close().await.unwrap();
    backup(&place.path(), &place.copy()).unwrap();
    std::fs::write(place.path(), "SQLite format 3 no more").unwrap();
    let replaced = restore(&place.copy(), &place.path(), time(NOW_MS))
        .unwrap()
        .replaced
        .unwrap();
    assert_eq!(std::fs::read(replaced).unwrap(), b"SQLite format 3 no more");
    assert_eq!(numbers(&place.store().await).await, [1, 2, 3]);
}

/// Runs as a process of its own (see the test below), in the folder of the database.
#[test]
#[ignore = "started by the kill test, in a folder of its own"]
fn child_that_makes_backups_until_it_is_killed() {
    println!("\nbegins");
    for number in 0..10_000 {
        let to = format!("copy-{number}.db");
        backup(Path::new("forgecast.db"), Path::new(&to)).unwrap();
        std::fs::remove_file(to).unwrap();
    }
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_no_half_file_under_the_name() {
    let place = Place::new();
    let _store = filled(&place, 2_000).await;
    let mut found = 0;
    for round in 0..30_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "backup::child_that_makes_backups_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .current_dir(place.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "begins"));
        // Another moment each time: after so many looks at the folder.
        eventually("a backup is under way", async || {
            place.names().iter().any(|name| name.ends_with(".partial"))
        })
        .await;
        (0..round * 7).for_each(|_| drop(place.names()));
        child.kill().unwrap();
        child.wait().unwrap();
        for name in place.names() {
            let path = place.folder.path().join(&name);
            if name.starts_with("copy-") {
                found += 1;
                let copy = Place::new();
                assert_eq!(
                    restore(&path, &copy.path(), time(NOW_MS)).unwrap().contents.facts,
                    2_000
                );
            }
            if name.starts_with("copy-") || name.contains(".partial") {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
    println!("{found} whole copies were found");
}
