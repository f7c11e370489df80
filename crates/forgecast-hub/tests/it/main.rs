//! The hub on a real store, seen by viewers that fold what they receive.

mod bench;
mod durability;
mod laws;
mod live;
mod memory;
mod restart;
