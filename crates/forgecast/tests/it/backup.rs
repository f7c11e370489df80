//! `backup` while a server serves, and `restore`: the server that is started afterwards shows everything.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::viewer::detail_of;
use crate::world::{Server, World, eventually, request};

/// Pushes one fact; whether it was acknowledged.
fn push(address: &str, id: &str) -> bool {
    let envelope = json!({"id": id, "session": "pushed", "type": "error_reported", "message": id});
    request(address, "POST", "/api/v1/events", &envelope.to_string()).0 == 200
}

/// The ids of the facts of the session that was pushed.
fn pushed(server: &Server) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = server.json(&format!("/api/v1/sessions/pushed/events?after={after}&limit=1000"));
        let Some(last) = page["events"].as_array().unwrap().last() else {
            return ids;
        };
        after = last["sequence"].as_u64().unwrap();
        let events = page["events"].as_array().unwrap();
        ids.extend(
            events
                .iter()
                .filter_map(|fact| fact["event"]["id"].as_str().map(str::to_owned)),
        );
    }
}

#[test]
fn a_backup_of_a_busy_server_is_restored_and_shows_everything() {
    let world = World::new();
    let project = world.project("weather-app");
    project.phase(&json!({"session_id": "weather-app", "current_phase": "Builder", "progress_detail": "then"}));
    let server = world.serve();
    server.view_when("weather-app", |view| detail_of(view) == "then");
    let copy = world.path("copy.db");
    let copy_name = copy.to_str().unwrap();
    let acknowledged = Mutex::new(BTreeSet::new());
    let over = AtomicBool::new(false);
    let before = thread::scope(|scope| {
        for producer in 0..4 {
            let (address, acknowledged, over) = (server.address(), &acknowledged, &over);
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("push-{producer}-{number}");
                    if push(address, &id) {
                        acknowledged.lock().unwrap().insert(id);
                    }
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        eventually("pushes", || (acknowledged.lock().unwrap().len() > 200).then_some(()));
        let before = acknowledged.lock().unwrap().clone();
        let (code, stdout, stderr) = world.run(&["backup", copy_name]);
        over.store(true, Ordering::Relaxed);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.starts_with("backed up <world>/home/.local/share/forgecast/forgecast.db to <world>/copy.db: "));
        assert!(
            stdout.contains(" KiB, 2 sessions, ") || stdout.contains(" MiB, 2 sessions, "),
            "{stdout}"
        );
        before
    });
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(server.get("/readyz").0, 200);

    let (code, _, stderr) = world.run(&["restore", copy_name]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("is in use by another forgecast; stop that one"),
        "{stderr}"
    );
    let (code, _, stderr) = world.run(&["backup", copy_name]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(stderr, @"forgecast: <world>/copy.db exists, and nothing is overwritten; choose another name");
    let all = pushed(&server);
    assert!(server.stop().success());

    let (code, stdout, stderr) = world.run(&["restore", copy_name]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(
        stdout
            .contains("the database that was there is now <world>/home/.local/share/forgecast/forgecast.db.replaced-")
    );
    let server = world.serve();
    let restored = pushed(&server);
    assert!(
        restored.is_superset(&before),
        "lost: {:?}",
        before.difference(&restored).collect::<Vec<_>>()
    );
    assert!(restored.is_subset(&all));
    server.view_when("weather-app", |view| detail_of(view) == "then");
    // What files say since then is read again.
    project.phase(&json!({"session_id": "weather-app", "current_phase": "Builder", "progress_detail": "now"}));
    server.view_when("weather-app", |view| detail_of(view) == "now");
    assert!(server.stop().success());
}

#[test]
fn a_database_that_was_lost_is_restored_on_a_machine_without_one() {
    let world = World::new();
    let server = world.serve();
    assert!(push(server.address(), "one"));
    assert!(server.stop().success());
    let copy = world.path("copy.db");
    let copy = copy.to_str().unwrap();
    assert_eq!(world.run(&["backup", copy]).0, 0, "without a server, too");
    let other = World::new();
    let (code, stdout, stderr) = other.run(&["restore", copy]);
    assert_eq!((code, stderr.as_str(), stdout.lines().count()), (0, "", 1), "{stdout}");
    assert_eq!(pushed(&other.serve()), BTreeSet::from(["one".to_owned()]));
}

#[test]
fn what_cannot_be_backed_up_or_restored_is_named() {
    let world = World::new();
    let (code, _, stderr) = world.run(&["backup", "copy.db"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(stderr, @"forgecast: there is no database <world>/home/.local/share/forgecast/forgecast.db; name another file");
    let (code, _, stderr) = world.run(&["restore", "copy.db"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(stderr, @"forgecast: there is no database copy.db; name another file");
    fs::write(world.path("projects/copy.db"), "something else").unwrap();
    let (code, _, stderr) = world.run(&["restore", "copy.db"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(stderr, @"forgecast: copy.db is no database of Forgecast; name another file");
    assert!(!world.db().exists());
}

/// A small file system of its own in a folder of the world, unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(world: &World, size: &str) -> Self {
        let folder = world.path("disk");
        fs::create_dir(&folder).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&mount.stderr).into_owned();
        assert!(mount.status.success(), "this test mounts a small file system: {said}");
        Self(folder)
    }

    fn names(&self) -> BTreeSet<String> {
        let names = fs::read_dir(&self.0).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A database in a small file system that is nearly full.
fn nearly_full(world: &World, db: &Path) {
    let server = Server::start(world.command(&["serve", "--port", "0", "--db", db.to_str().unwrap()]));
    for number in 0..40 {
        assert!(push(server.address(), &format!("push-{number}")));
    }
    assert!(server.stop().success());
    let mut filler = fs::File::create(db.with_file_name("filler")).unwrap();
    let mut size = 0;
    while filler.write_all(&[0; 4096]).is_ok() {
        size += 4096;
    }
    filler.set_len(size - (64 << 10)).unwrap();
}

#[test]
fn a_backup_to_a_full_disk_says_so_and_leaves_nothing() {
    let world = World::new();
    let disk = SmallDisk::new(&world, "size=8m");
    let db = disk.0.join("x.db");
    nearly_full(&world, &db);
    let before = disk.names();
    let to = disk.0.join("copy.db");
    let (code, _, stderr) = world.run(&["backup", to.to_str().unwrap(), "--db", db.to_str().unwrap()]);
    assert_eq!(
        (code, stderr.as_str()),
        (
            1,
            "forgecast: cannot write the copy <world>/disk/copy.db: database or disk is full\n"
        )
    );
    assert_eq!(disk.names(), before);
}

#[test]
fn a_database_without_room_for_its_copy_is_not_migrated() {
    let world = World::new();
    let disk = SmallDisk::new(&world, "size=8m");
    let db = disk.0.join("x.db");
    nearly_full(&world, &db);
    let old = rusqlite::Connection::open(&db).unwrap();
    old.execute_batch("DROP TABLE limits; PRAGMA user_version = 5").unwrap();
    drop(old);
    let before = disk.names();
    let (code, _, stderr) = world.run(&["serve", "--port", "0", "--db", db.to_str().unwrap()]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(stderr, @"forgecast: cannot open the database <world>/disk/x.db: this version changes its schema, and the copy that is kept before that, <world>/disk/x.db.before-6, cannot be written (database or disk is full). Nothing was changed; make room for 1 MiB beside it, or choose another place with --db");
    assert_eq!(disk.names(), before);
    fs::remove_file(disk.0.join("filler")).unwrap();
    let server = Server::start(world.command(&["serve", "--port", "0", "--db", db.to_str().unwrap()]));
    assert_eq!(pushed(&server).len(), 40);
}
