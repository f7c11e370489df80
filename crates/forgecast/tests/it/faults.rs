//! Faults against the real binary: what goes wrong on disks, in files, between processes and in clocks must never make
//! the view untrue, cost another session a byte, or stop `/healthz` from answering. One file per kind of trouble; each
//! test names its row of the fault table.

mod displaced;
mod duplicates;
mod follower;
mod hostile_fields;
mod hostile_ids;
mod json_suite;
mod load;
mod locked;
mod odd_times;
mod places;
mod prefixes;
mod pushes;
mod resume;
mod roots;
pub(crate) mod support;
mod terminal;
