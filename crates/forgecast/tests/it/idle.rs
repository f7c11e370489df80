//! What a server costs when nothing happens: counted as the times its threads wake up, which no other load on the machine
//! changes much.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::faults::support::metrics;
use crate::world::{World, eventually, pause};

/// Longer than a build counts as active after its last change.
const AGE: Duration = Duration::from_secs(2 * 3600);
/// For so long is counted: no wait for anything.
const WINDOW: Duration = Duration::from_secs(4);

/// How often the threads of a server wake up in a window of time while nothing changes in so many projects.
fn wake_ups(projects: u32) -> u64 {
    let world = World::new();
    let phase = |detail: &str| json!({"current_phase": "Builder", "status": "building", "progress_detail": detail});
    for number in 0..projects {
        let project = world.project(&format!("p{number:04}"));
        project.phase(&phase("old"));
        let file = fs::File::options().write(true).open(project.phase_file()).unwrap();
        file.set_modified(SystemTime::now() - AGE).unwrap();
    }
    let server = world.serve();
    eventually("everything is read", || (server.get("/readyz").0 == 200).then_some(()));
    // One change, so that it is known that there are notifications, and one look at each of the others after it.
    world.project("p0000").phase(&phase("new"));
    server.view_when("p0000", |view| view["phase"]["detail"] == "new");
    let looks = || metrics(&server)["forgecast_source_looks_total"];
    let looked = looks() + u64::from(projects);
    eventually("a round of looks", || (looks() >= looked).then_some(()));
    let before = switches(server.pid());
    pause(WINDOW);
    switches(server.pid()) - before
}

/// How often the threads of a process have given up their processor of their own accord.
fn switches(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let status = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
    let count = |status: String| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok())
            .unwrap_or_default()
    };
    status.map(count).sum()
}

#[test]
fn a_server_to_which_nothing_happens_wakes_up_equally_often_however_many_projects_there_are() {
    let (few, many) = (wake_ups(10), wake_ups(600));
    eprintln!("10 projects: {few} wake-ups in {WINDOW:?}; 600: {many}");
    assert!(few < 160, "{few} wake-ups in {WINDOW:?}");
    assert!(
        many < few + few / 2 + 40,
        "{many} wake-ups in {WINDOW:?}, beside {few} with 10 projects"
    );
}
