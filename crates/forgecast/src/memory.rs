//! Limits that follow from the memory that this process may use, so that a small container survives many sessions without a
//! setting. The memory is the smallest of the machine's size and of the limits of control group and process.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// Bytes of memory per session view; slightly more than measured with small sessions.
const VIEW_BYTES: u64 = 20 * 1024;
/// Idle views may take one part in this many of the memory.
const VIEW_SHARE: u64 = 8;
/// Bytes of memory per session without a view: its row, its names, its deadline.
const SESSION_BYTES: u64 = 8 * 1024;
/// All sessions may take one part in this many of the memory.
const SESSION_SHARE: u64 = 6;
/// The smallest and the largest number of idle views.
const MIN_VIEWS: usize = 256;
const MAX_VIEWS: usize = 16_384;

/// The memory that this process may use, in bytes.
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

/// How many views of unfinished sessions may stay in memory without viewers.
pub(crate) fn idle_views() -> usize {
    views_within(limit())
}

/// How many sessions to keep: the configured number, or fewer if there is little memory.
pub(crate) fn sessions(configured: usize) -> usize {
    sessions_within(limit()).min(configured)
}

fn sessions_within(bytes: u64) -> usize {
    usize::try_from(bytes / SESSION_SHARE / SESSION_BYTES)
        .unwrap_or(usize::MAX)
        .max(MIN_VIEWS)
}

fn views_within(bytes: u64) -> usize {
    let views = usize::try_from(bytes / VIEW_SHARE / VIEW_BYTES).unwrap_or(usize::MAX);
    views.clamp(MIN_VIEWS, MAX_VIEWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_machine_keeps_few_views_and_a_large_one_not_all() {
        assert_eq!(views_within(0), MIN_VIEWS);
        assert_eq!(views_within(192 << 20), 1_228);
        assert_eq!(views_within(64 << 30), MAX_VIEWS);
        assert_eq!(sessions_within(192 << 20), 4_096);
        assert!(sessions_within(2 << 30) > 20_000);
        assert_eq!(sessions(7), 7);
        assert!((MIN_VIEWS..=MAX_VIEWS).contains(&idle_views()));
    }
}
