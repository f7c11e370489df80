//! When something is read. Pure bookkeeping on instants that are passed in: no timer, no task.

pub(crate) mod debounce;
