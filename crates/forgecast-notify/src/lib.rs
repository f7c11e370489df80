//! Calls a person when a session needs one, also when no dashboard is open.
//!
//! What needs a person is decided by the fold and stands in a session's row (`attention`). This crate follows the index,
//! decides who is told of it and when, and sends the messages.
//!
//! # Invariants
//!
//! 1. *What is published is a hint; what is stored is the truth.* A change of the index only says which rows to read. They
//!    are read from the disk, so no message leaves before the facts that it is about are committed.
//! 2. *At least once.* A message is written to the outbox together with the mark that its attention was noticed, and is
//!    removed from it only by an answer. It is written again before each attempt: after a crash it may be sent twice, with
//!    the same id and the same content, and never lost.
//! 3. *A need that is over is not called for.* It leaves a message that was not sent yet. Where it was called for, a target
//!    that wants to know is told that it is over.
//! 4. *The decisions are pure* (`dispatch`): no I/O, and the time is passed in.
//! 5. *Nothing is sent into the private network* unless the configuration lists the address: what is connected to is the
//!    address that was checked, and no redirect is followed.
//! 6. *Secrets leave only in the requests that they are for.* No answer, log line or stored message contains them, nor the
//!    path of a target's address, which is a secret of Slack and ntfy.

mod address;
mod command;
mod dispatch;
mod hints;
mod http;
mod message;
mod notifier;
mod rules;
mod sender;
mod target;
mod task;

pub use address::AllowedAddress;
pub use notifier::{Error, Notifier};
pub use rules::{QuietHours, Rules};
pub use target::{Channel, Endpoint, Options, Secret, SigningKey, Target};
pub use task::start;
