//! What a start makes of what it finds: an epoch, a refusal with the way out, or a new file beside the old one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use forgecast_protocol::ProblemKind;
use forgecast_store::{Error, Options, open};
use rusqlite::Connection;

use crate::helpers::*;

#[tokio::test]
async fn the_epoch_is_kept_over_a_clean_restart_and_no_other() {
    let place = Place::new();
    let first = place.open().await;
    assert!(first.clean, "a new database is clean");
    first.store.close().await.unwrap();

    let second = place.open().await;
    assert!(second.clean);
    assert_eq!(second.epoch, first.epoch);
    second.store.abandon().await;

    let third = place.open().await;
    assert!(!third.clean);
    assert_ne!(third.epoch, first.epoch, "an unclean stop renews it");
    third.store.close().await.unwrap();

    let other_fold = open(place.options(), FOLD + 1, time(NOW_MS)).await.unwrap();
    assert!(other_fold.clean);
    assert_ne!(other_fold.epoch, third.epoch, "another fold renews it");
    other_fold.store.close().await.unwrap();

    let new = Place::new().open().await;
    assert_ne!(new.epoch, other_fold.epoch, "a new database has its own");
}

#[tokio::test]
async fn a_second_opening_is_refused_and_says_what_to_do() {
    let place = Place::new();
    let store = place.store().await;
    let error = open(place.options(), FOLD, time(NOW_MS)).await.unwrap_err();
    assert!(matches!(&error, Error::InUse { path } if *path == place.path()));
    let message = error.to_string();
    assert!(message.contains("in use by another forgecast"), "{message}");
    assert!(message.contains("--db"), "{message}");
    store.close().await.unwrap();
    place.store().await.close().await.unwrap();
}

#[tokio::test]
async fn a_database_below_a_file_is_refused_and_the_file_is_named() {
    let place = Place::new();
    let file = place.folder.path().join("file");
    fs::write(&file, "").unwrap();
    for below in ["x.db", "deeper/still/x.db"] {
        let path = file.join(below);
        let error = open(options(&path), FOLD, time(NOW_MS)).await.unwrap_err().to_string();
        let (path, file) = (path.display(), file.display());
        assert_eq!(
            error,
            format!("cannot open the database {path}: {file} is not a folder; choose another place with --db")
        );
    }
}

#[tokio::test]
async fn files_and_the_folder_made_for_them_are_for_their_owner_alone() {
    let place = Place::new();
    let folder = place.folder.path().join("made/for/it");
    let path = folder.join("a ? b%20#.db");
    let store = open(options(&path), FOLD, time(NOW_MS)).await.unwrap().store;
    store.commit(commit([session("a~1")])).await.unwrap();
    assert_eq!(mode_of(&folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode_of(&entry.path()), 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    let of = |suffix: &str| format!("a ? b%20#.db{suffix}");
    assert_eq!(names, ["", "-shm", "-wal", ".lock"].map(of));
}

#[tokio::test]
async fn a_file_that_others_could_read_is_closed_to_them() {
    let place = Place::new();
    place.store().await.close().await.unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let _store = place.store().await;
    assert_eq!(mode_of(&place.path()), 0o600);
}

/// What the owner, the group and others may do.
fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Makes a database with some content and closes it.
async fn filled(place: &Place) {
    let store = place.store().await;
    store
        .commit(commit([session("a~1"), lines("a~1", 0..2000)]))
        .await
        .unwrap();
    store.close().await.unwrap();
}

/// Opens, expects the old file to be set aside as it was, and a new one that works.
async fn is_set_aside(place: &Place, old: &[u8], what: &str) {
    let opened = place.open().await;
    assert_eq!(opened.notices.len(), 1, "{what}");
    let (key, problem) = &opened.notices[0];
    assert!(key.starts_with("store/set-aside/"), "{what}: {key}");
    assert_eq!(problem.kind, ProblemKind::Store);
    let kept: Vec<String> = place
        .names()
        .into_iter()
        .filter(|name| name.contains(".corrupt-") && !name.contains("-wal") && !name.contains("-shm"))
        .collect();
    assert_eq!(kept.len(), 1, "{what}: {kept:?}");
    assert!(problem.message.contains(&kept[0]), "{what}: {}", problem.message);
    assert_eq!(
        fs::read(place.folder.path().join(&kept[0])).unwrap(),
        old,
        "{what}: kept as it was"
    );
    opened.store.commit(commit([session("b~1")])).await.unwrap();
    assert_eq!(opened.store.sessions().await.unwrap().len(), 1, "{what}");
    opened.store.close().await.unwrap();
    assert!(place.open().await.notices.is_empty(), "{what}: told once");
}

#[tokio::test]
async fn a_damaged_database_is_set_aside_and_a_new_one_begun() {
    for damage in ["header", "page of the sessions", "cut short"] {
        let place = Place::new();
        filled(&place).await;
        let mut bytes = fs::read(place.path()).unwrap();
        match damage {
            "header" => bytes[..32].fill(0x5a),
            "cut short" => bytes.truncate(4096 * 3 + 17),
            _ => {
                let root: usize = Connection::open(place.path())
                    .unwrap()
                    .query_row(
                        "SELECT rootpage FROM sqlite_schema WHERE name = 'sessions'",
                        [],
                        |row| row.get::<_, i64>(0),
                    )
                    .unwrap()
                    .try_into()
                    .unwrap();
                bytes[(root - 1) * 4096..root * 4096].fill(0xa5);
            }
        }
        fs::write(place.path(), &bytes).unwrap();
        is_set_aside(&place, &bytes, damage).await;
    }
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_not_changed() {
    let text = Place::new();
    fs::write(text.path(), "just some notes").unwrap();
    let other = Place::new();
    Connection::open(other.path())
        .unwrap()
        .execute_batch("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')")
        .unwrap();
    for place in [text, other] {
        let (before, mode) = (fs::read(place.path()).unwrap(), mode_of(&place.path()));
        for _ in 0..2 {
            let error = open(place.options(), FOLD, time(NOW_MS)).await.unwrap_err().to_string();
            assert!(
                error.contains("no database of Forgecast") && error.contains("--db"),
                "{error}"
            );
        }
        assert_eq!(fs::read(place.path()).unwrap(), before);
        assert_eq!(mode_of(&place.path()), mode);
        assert_eq!(place.names().len(), 1, "{:?}", place.names());
    }
}

#[tokio::test]
async fn an_empty_file_and_an_empty_database_become_a_database() {
    for make in [
        |path: &Path| fs::write(path, "").unwrap(),
        |path: &Path| {
            Connection::open(path).unwrap().execute_batch("VACUUM").unwrap();
        },
    ] {
        let place = Place::new();
        make(&place.path());
        filled(&place).await;
    }
}

#[tokio::test]
async fn a_newer_schema_is_read_and_not_written() {
    let place = Place::new();
    let store = place.store().await;
    store
        .commit(commit([session("a~1"), event("a~1", 1, numbered(1))]))
        .await
        .unwrap();
    store.close().await.unwrap();
    Connection::open(place.path())
        .unwrap()
        .pragma_update(None, "user_version", 999)
        .unwrap();

    let opened = place.open().await;
    assert_eq!(opened.notices[0].0, "store/newer-schema");
    assert!(!opened.store.health().writable);
    let refused = opened.store.commit(commit([session("b~1")])).await;
    assert!(matches!(refused, Err(Error::ReadOnly)));
    assert_eq!(opened.store.sessions().await.unwrap().len(), 1);
    assert!(opened.store.load(&id("a~1"), None).await.unwrap().is_some());
    opened.store.close().await.unwrap();

    let raw = Connection::open(place.path()).unwrap();
    let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 999);
    drop(raw);
    // Closing it let go of the lock, too.
    place.open().await.store.abandon().await;
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_named_in_one_line_with_the_way_out() {
    let place = Place::new();
    fs::write(place.folder.path().join("file"), "").unwrap();
    let paths = [
        place.folder.path().join("file/forgecast.db"),
        place.folder.path().to_path_buf(),
        "/proc/forgecast/forgecast.db".into(),
    ];
    for path in paths {
        let options = Options {
            path: Some(path.clone()),
            ..Options::default()
        };
        let error = open(options, FOLD, time(NOW_MS)).await.unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Open { .. }), "{message}");
        assert!(message.contains("--db") && !message.contains('\n'), "{message}");
    }
}

#[tokio::test]
async fn a_database_that_another_program_holds_at_start_is_named() {
    let place = Place::new();
    filled(&place).await;
    let other = Connection::open(place.path()).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM log_lines")
        .unwrap();
    let error = open(place.options(), FOLD, time(NOW_MS)).await.unwrap_err();
    assert!(error.to_string().contains("another program holds it"), "{error}");
    drop(other);
    place.store().await.close().await.unwrap();
}

#[tokio::test]
async fn wherever_a_file_is_damaged_the_store_opens_and_nothing_is_deleted() {
    let place = Place::new();
    filled(&place).await;
    let sound = fs::read(place.path()).unwrap();
    let mut chance: usize = 7;
    for round in 0..40 {
        let place = Place::new();
        let mut bytes = sound.clone();
        for _ in 0..=round % 4 {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (chance >> 16) % bytes.len();
            let end = (at + 1 + round * 40).min(bytes.len());
            bytes[at..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
        fs::write(place.path(), &bytes).unwrap();
        // Even without any mark of ours in the file, its lock tells whose it is.
        fs::write(place.path().with_extension("db.lock"), "").unwrap();
        let opened = place.open().await;
        if opened.notices.is_empty() {
            opened.store.sessions().await.unwrap();
        } else {
            let kept = place
                .names()
                .into_iter()
                .find(|name| name.contains(".corrupt-"))
                .unwrap();
            assert_eq!(
                fs::read(place.folder.path().join(kept)).unwrap(),
                bytes,
                "round {round}"
            );
        }
        opened.store.abandon().await;
    }
}
