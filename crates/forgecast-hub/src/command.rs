//! What the handle asks of the hub's task. Everything that has to be one step with the folding goes this way; everything
//! else the handle answers by itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use forgecast_protocol::{Batch, EventId, SessionId, SessionRef};
use forgecast_store::StoredSession;
use tokio::sync::oneshot;

use crate::brought::{Arrived, Place};
use crate::counters::Reason;
use crate::error::{PushError, SubscribeError};
use crate::log::LogTopic;
use crate::subscription::Seat;
use crate::topic::StateTopic;

/// See the module.
pub(crate) enum Command {
    /// Brings a session into memory and takes a seat among its viewers.
    Attach {
        session: SessionRef,
        seat: SeatAt,
        reply: oneshot::Sender<Result<Attached, SubscribeError>>,
    },
    /// Folds what a producer sent.
    Push(Push),
    /// Answers when everything that was folded before is in the store's queue.
    Settle(oneshot::Sender<()>),
    /// Answers when no silence is overdue to be judged and no session is on its way into a build.
    Rest(oneshot::Sender<()>),
    /// Takes a session out; answers with its id.
    Forget {
        session: SessionRef,
        reply: oneshot::Sender<Option<SessionId>>,
    },
    /// Finds and takes a place for a session that was exported elsewhere.
    Place {
        session: StoredSession,
        reply: oneshot::Sender<Place>,
    },
    /// Shows the session for which a place was taken, or gives the place back.
    Arrived {
        id: SessionId,
        arrived: Option<Box<Arrived>>,
    },
}

/// Among whose viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeatAt {
    /// Nobody's: one look only.
    Nowhere,
    /// The session's.
    State,
    /// The log's.
    Log,
}

/// A session in memory.
pub(crate) struct Attached {
    pub(crate) id: SessionId,
    pub(crate) state: Arc<StateTopic>,
    pub(crate) log: Arc<LogTopic>,
    pub(crate) seat: Option<Seat>,
}

/// A push on its way.
pub(crate) struct Push {
    pub(crate) batch: Batch,
    /// Of its ids, those that the store knows.
    pub(crate) known: BTreeSet<EventId>,
    /// Every id up to this number was durable before the store was asked.
    pub(crate) durable: u64,
    pub(crate) reply: oneshot::Sender<Pushed>,
}

/// The answer to a push.
pub(crate) enum Pushed {
    /// It is durable, or it failed.
    Done(Result<Receipt, PushError>),
    /// The store has to be asked again: it was asked too long ago.
    Again(Batch),
}

/// What became of a push; it is durable by the time the receipt is handed out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Facts folded.
    pub accepted: u64,
    /// Facts known already.
    pub duplicates: u64,
    /// Facts not taken.
    pub rejected: Vec<Rejected>,
    /// Log lines taken. They have no ids: the same ones again are counted again.
    pub log_lines: u64,
    /// Log chunks not taken.
    pub rejected_logs: Vec<Rejected>,
}

/// One fact, or one log chunk, of a push that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its place among the facts (or the log chunks) of the push, from 0.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}
