//! F46: where it is started. It starts, or says in one line why not; it never writes anywhere else instead.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use crate::world::{Project, Server, World};

/// The binary in a world, started in this folder.
fn command(world: &World, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = world.command(&[]);
    command
        .args(["serve", "--port", "0"])
        .args(arguments)
        .current_dir(folder);
    command
}

/// The same in an environment that was changed.
fn changed(world: &World, folder: &Path, change: &dyn Fn(&mut Command)) -> Command {
    let mut command = command(world, folder, &[]);
    change(&mut command);
    command
}

/// It starts and shows the project of the folder that it was given.
fn starts(what: &str, command: Command) {
    let server = Server::start(command);
    let view = server.view_when("here", |view| view["phase"]["name"] == "Scout");
    assert_eq!(view["name"], "here", "{what}");
    assert!(server.stop().success(), "{what}");
}

/// It fails with 1 and one line.
fn refused(what: &str, mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{what}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{what}: {said}");
    said
}

fn project_in(folder: &Path) {
    let phase = json!({"session_id": "here", "current_phase": "Scout", "status": "scouting"});
    Project::at(&folder.join("here")).phase(&phase);
}

fn odd_names() -> Vec<Vec<u8>> {
    vec![
        b"with spaces and  more".to_vec(),
        b" leading and trailing ".to_vec(),
        b"new\nline".to_vec(),
        b"-dash".to_vec(),
        b"--port".to_vec(),
        b"quotes ' \" ` $HOME ; & |".to_vec(),
        b"colon:comma,percent%20".to_vec(),
        "пример 例 🦀 é".as_bytes().to_vec(),
        b"~".to_vec(),
        b"...".to_vec(),
        b"back\\slash".to_vec(),
        vec![b'n'; 255],
    ]
}

#[test]
fn a_folder_may_have_any_name_that_is_text() {
    for name in odd_names() {
        let world = World::new();
        let folder = world.path("projects").join(OsStr::from_bytes(&name));
        fs::create_dir(&folder).unwrap();
        project_in(&folder);
        let what = name.escape_ascii().to_string();
        starts(&what, command(&world, &folder, &[]));
        let named = folder.to_str().unwrap();
        starts(&what, command(&world, &world.path("home"), &[named]));
        // As a shell completes it in the folder above.
        let mut relative = command(&world, &world.path("projects"), &["--"]);
        relative.arg(OsStr::from_bytes(&name));
        if name != b"~" {
            starts(&what, relative);
        }
        let mut home = command(&world, &folder, &[]);
        home.env("HOME", &folder).env_remove("XDG_RUNTIME_DIR");
        starts(&what, home);
        assert!(folder.join(".local/share/forgecast/forgecast.db").exists(), "{what}");
    }
}

#[test]
fn a_name_that_is_no_text_is_refused_and_nothing_is_made_beside_it() {
    let name = OsStr::from_bytes(b"not \xff\xfe text");
    let world = World::new();
    let folder = world.path("projects").join(name);
    fs::create_dir(&folder).unwrap();
    project_in(&folder);
    let plain = world.path("home");
    let said = refused("the current folder", command(&world, &folder, &[]));
    assert!(said.contains("current folder") && said.contains("UTF-8"), "{said}");
    let mut argument = command(&world, &plain, &[]);
    argument.arg(&folder);
    assert!(refused("a folder", argument).contains("UTF-8"));
    let mut db = command(&world, &plain, &["--db"]);
    db.arg(folder.join("x.db"));
    assert!(refused("a database", db).contains("UTF-8"));
    let mut home = command(&world, &plain, &[]);
    home.env("HOME", &folder);
    assert!(refused("a home", home).contains("HOME"));
    let mut relative = command(&world, &folder, &["here"]);
    relative.env_remove("XDG_RUNTIME_DIR");
    assert!(refused("relative to such a folder", relative).contains("UTF-8"));
    let beside: Vec<PathBuf> = fs::read_dir(world.path("projects"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(beside, std::slice::from_ref(&folder));
    // A project of such a name does not hide the others.
    project_in(&world.path("projects"));
    starts("beside such a project", command(&world, &world.path("projects"), &[]));
}

#[test]
fn homes_and_folders_for_data_may_be_missing_or_closed() {
    let world = World::new();
    let projects = world.path("projects");
    project_in(&projects);
    let start = |change: &dyn Fn(&mut Command)| changed(&world, &projects, change);
    for locale in ["C", "POSIX", "nonsense", ""] {
        starts(
            locale,
            start(&|command| {
                command.env("LANG", locale).env("LC_ALL", locale);
            }),
        );
    }
    let temporary = world.path("tmp");
    fs::create_dir(&temporary).unwrap();
    starts(
        "no home",
        start(&|command| {
            command
                .env_remove("HOME")
                .env_remove("XDG_RUNTIME_DIR")
                .env("TMPDIR", &temporary);
        }),
    );
    starts(
        "an empty home",
        start(&|command| {
            command
                .env("HOME", "")
                .env_remove("XDG_RUNTIME_DIR")
                .env("TMPDIR", &temporary);
        }),
    );
    starts(
        "a home that is not there yet",
        start(&|command| {
            command
                .env("HOME", world.path("later/home"))
                .env_remove("XDG_RUNTIME_DIR");
        }),
    );
    starts(
        "a folder for runtime files that is not there",
        start(&|command| {
            command.env("XDG_RUNTIME_DIR", world.path("nowhere"));
        }),
    );
    starts(
        "relative folders",
        start(&|command| {
            command
                .env("XDG_DATA_HOME", "data")
                .env("XDG_CONFIG_HOME", "config")
                .env("XDG_RUNTIME_DIR", "run");
        }),
    );
    assert!(!projects.join("data").exists(), "they count for nothing");
    starts(
        "folders that are not there",
        start(&|command| {
            command
                .env("XDG_DATA_HOME", world.path("a/b"))
                .env("XDG_CONFIG_HOME", world.path("c/d"));
        }),
    );
    starts(
        "nothing at all",
        start(&|command| {
            command.env_clear().env("TMPDIR", &temporary);
        }),
    );
}

#[test]
fn where_nothing_can_be_written_one_line_says_so() {
    let world = World::new();
    let projects = world.path("projects");
    project_in(&projects);
    let start = |change: &dyn Fn(&mut Command)| changed(&world, &projects, change);
    // Not even root writes here.
    let said = refused(
        "a home that cannot be written",
        start(&|command| {
            command.env("HOME", "/proc/self").env_remove("XDG_RUNTIME_DIR");
        }),
    );
    assert!(said.contains("--db"), "{said}");
    fs::write(world.path("file"), "").unwrap();
    let said = refused(
        "a folder for data that is a file",
        start(&|command| {
            command.env("XDG_DATA_HOME", world.path("file"));
        }),
    );
    assert!(said.contains("--db"), "{said}");
    let db = world.path("elsewhere/x.db").display().to_string();
    let mut command = command(&world, &projects, &["--db", &db]);
    command.env("HOME", "/proc/self").env_remove("XDG_RUNTIME_DIR");
    starts("a home that cannot be written, with a database elsewhere", command);
}
