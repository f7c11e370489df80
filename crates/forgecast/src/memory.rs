//! How much memory this process may use: the least of what the machine has and of the limits it was started under. A
//! small container must not need a setting to survive many sessions.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// What the view of one session takes while it is in memory, bytes; a little more than measured with small sessions.
const VIEW_BYTES: u64 = 20 * 1024;
/// Views that nobody watches may take this share of the memory.
const SHARE: u64 = 8;
/// What a session takes that is only known: its row, its names, its deadline.
const KNOWN_BYTES: u64 = 8 * 1024;
/// All that are known may take this share.
const KNOWN_SHARE: u64 = 6;
/// So many may always stay, and more are never useful.
const FEWEST: usize = 256;
const MOST: usize = 16_384;

/// Bytes.
fn limit() -> u64 {
    let machine = rustix::system::sysinfo();
    let machine = u64::from(machine.mem_unit).saturating_mul(machine.totalram);
    // Version 2 of control groups, then version 1; inside a container both show its own limit. No number is no limit.
    let groups = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .into_iter()
    .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    let process = [Resource::Data, Resource::As]
        .into_iter()
        .filter_map(|resource| getrlimit(resource).current);
    groups.chain(process).fold(machine, u64::min)
}

/// How many views of unfinished sessions may stay in memory while nobody watches them.
pub(crate) fn idle_views() -> usize {
    views_within(limit())
}

/// How many sessions may be known at a time, of those that the configuration allows.
pub(crate) fn sessions(configured: usize) -> usize {
    sessions_within(limit()).min(configured)
}

fn sessions_within(bytes: u64) -> usize {
    usize::try_from(bytes / KNOWN_SHARE / KNOWN_BYTES)
        .unwrap_or(usize::MAX)
        .max(FEWEST)
}

fn views_within(bytes: u64) -> usize {
    let views = usize::try_from(bytes / SHARE / VIEW_BYTES).unwrap_or(usize::MAX);
    views.clamp(FEWEST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_machine_keeps_few_views_and_a_large_one_not_all() {
        assert_eq!(views_within(0), FEWEST);
        assert_eq!(views_within(192 << 20), 1_228);
        assert_eq!(views_within(64 << 30), MOST);
        assert_eq!(sessions_within(192 << 20), 4_096);
        assert!(sessions_within(2 << 30) > 20_000);
        assert_eq!(sessions(7), 7);
        assert!((FEWEST..=MOST).contains(&idle_views()));
    }
}
