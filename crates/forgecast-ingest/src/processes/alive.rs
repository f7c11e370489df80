//! Whether a process that a file names is still there. A number alone proves nothing: it is given
//! again to another process, and it means another process in another namespace or on another
//! machine that shares the folder.

#[cfg(target_os = "linux")]
use std::path::Path;

use forgecast_decode::agents::ProcessFile;

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is there.
    Alive,
    /// It is proven to be gone.
    Gone,
    /// It may run on another machine or in another namespace.
    Unknown,
}

/// How sure it is that a process would be seen from here if it were there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    /// It was seen from here before.
    pub(super) was_seen: bool,
    /// Other machines may write to the folder.
    pub(super) remote: bool,
}

/// The machine and the process namespace of this program; `None` where that cannot be told.
#[cfg(target_os = "linux")]
pub(super) fn own_domain() -> Option<String> {
    let machine = std::fs::read_to_string("/etc/machine-id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let machine = machine.trim();
    (!machine.is_empty()).then(|| format!("linux:{machine}:{}", namespace.to_string_lossy()))
}

/// Elsewhere nothing is known of other processes.
#[cfg(not(target_os = "linux"))]
pub(super) fn own_domain() -> Option<String> {
    None
}

/// Whether the process is there, as seen from `domain`, that of this program.
#[cfg(target_os = "linux")]
pub(super) fn presence(file: &ProcessFile, domain: Option<&str>, proof: Proof) -> Presence {
    let is_of_here = file.domain.is_some() && file.domain.as_deref() == domain;
    let (Some(started), true) = (file.started.as_deref(), is_of_here || file.domain.is_none()) else {
        return Presence::Unknown;
    };
    let is_there = match std::fs::read_to_string(Path::new("/proc").join(file.pid.to_string()).join("stat")) {
        Ok(stat) => is_running_since(&stat, started),
        // Where `/proc` hides the processes of others, the number is still taken.
        Err(_) if is_taken(file.pid) => return Presence::Unknown,
        Err(_) => false,
    };
    if is_there {
        Presence::Alive
    } else if proof.was_seen || (is_of_here && !proof.remote) {
        Presence::Gone
    } else {
        Presence::Unknown
    }
}

/// Elsewhere nothing is known of other processes.
#[cfg(not(target_os = "linux"))]
pub(super) fn presence(_: &ProcessFile, _: Option<&str>, _: Proof) -> Presence {
    Presence::Unknown
}

/// Whether `/proc/<pid>/stat` tells of a process that started at this tick and has not ended. One
/// that ended and that nobody has waited for (a zombie) is still listed.
#[cfg(target_os = "linux")]
fn is_running_since(stat: &str, started: &str) -> bool {
    // The name of the program, in brackets, may itself hold spaces and brackets.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let mut fields = fields.split_ascii_whitespace();
    // The state is the 3rd field of all, the start the 22nd.
    let (state, start) = (fields.next(), fields.nth(18));
    !matches!(state, None | Some("Z" | "X" | "x")) && start == Some(started)
}

/// Whether a process has this number at all.
#[cfg(target_os = "linux")]
fn is_taken(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stat(name: &str, state: &str, start: u64) -> String {
        format!("42 ({name}) {state} 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 {start} 1000 100 1844674407")
    }

    /// This process, as a file would name it.
    fn own() -> ProcessFile {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        ProcessFile {
            pid: std::process::id(),
            started: fields.split_whitespace().nth(19).map(str::to_owned),
            domain: None,
            session: "s".parse().unwrap_or_else(|_| unreachable!("a name")),
            directory: None,
            job: None,
            status: forgecast_protocol::event::ProcessStatus::Busy,
            waiting_for: None,
            reason: None,
            since: None,
            attended: None,
        }
    }

    proptest! {
        /// A process that is there, and one of the same number that ended before this one began.
        #[test]
        fn gone_needs_proof_and_alive_needs_the_same_start(
            domain in proptest::option::of("here|elsewhere"),
            is_there in any::<bool>(),
            was_seen in any::<bool>(),
            remote in any::<bool>(),
        ) {
            let mut file = own();
            file.domain = domain.clone();
            if !is_there {
                file.started = Some("1".to_owned());
            }
            let found = presence(&file, Some("here"), Proof { was_seen, remote });
            let expected = match (domain.as_deref(), is_there) {
                (Some("elsewhere"), _) => Presence::Unknown,
                (_, true) => Presence::Alive,
                (_, false) if was_seen => Presence::Gone,
                (Some(_), false) if !remote => Presence::Gone,
                _ => Presence::Unknown,
            };
            prop_assert_eq!(found, expected);
            // Where this program does not know where it runs, nothing of another domain is known.
            file.domain = Some("here".to_owned());
            prop_assert_eq!(presence(&file, None, Proof { was_seen, remote }), Presence::Unknown);
        }

        #[test]
        fn the_start_is_found_behind_any_name_of_a_program(name in "[ -~]{0,15}", start in any::<u64>()) {
            prop_assert!(is_running_since(&stat(&name, "S", start), &start.to_string()));
            prop_assert!(!is_running_since(&stat(&name, "S", start), &start.wrapping_add(1).to_string()));
            prop_assert!(!is_running_since(&stat(&name, "Z", start), &start.to_string()));
        }

        #[test]
        fn any_text_in_place_of_a_stat_is_no_process(text in ".{0,80}") {
            prop_assert!(!is_running_since(&text, "no tick"));
        }
    }
}
