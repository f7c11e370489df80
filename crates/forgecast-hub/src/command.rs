//! What the handle asks of the hub's task: everything that has to be one step with the folding. The handle answers
//! everything else by itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use forgecast_protocol::event::PhaseReported;
use forgecast_protocol::rest::HardBudget;
use forgecast_protocol::{Batch, EventKey, SessionId, SessionRef, SessionRow};
use forgecast_store::{KnownSession, StoredSession};
use tokio::sync::oneshot;

use crate::counters::Receipt;
use crate::error::{PushError, SubscribeError};
use crate::hard_budgets::BudgetName;
use crate::log::LogTopic;
use crate::registry::Producer;
use crate::topic::StateTopic;

/// A question to the hub's task, with where the answer goes.
pub(crate) enum Command {
    /// Loads a session into memory, where it stays as long as anybody holds one of its topics.
    Attach { session: SessionRef, reply: AttachReply },
    /// Folds what a producer sent.
    Push {
        batch: Batch,
        /// Those of its ids that the store knows.
        known: BTreeSet<EventKey>,
        /// Every id up to this number was durable before the store was asked.
        durable: u64,
        /// Who sent it.
        producer: Producer,
        reply: oneshot::Sender<PushAnswer>,
    },
    /// Answers with the build whose phase file says this at the moment; of several with the one that worked last.
    FindPhaseFile {
        fact: Box<PhaseReported>,
        reply: oneshot::Sender<Option<SessionId>>,
    },
    /// Answers when everything that was folded before is in the store's queue.
    Flush(oneshot::Sender<()>),
    /// Answers when no silence is left to be evaluated and no session is being merged into a build.
    WaitIdle(oneshot::Sender<()>),
    /// Makes a session known again that had left memory. Answers when it is.
    Recall {
        known: Box<KnownSession>,
        reply: oneshot::Sender<()>,
    },
    /// Removes a session. Answers with its id.
    Forget {
        session: SessionRef,
        reply: oneshot::Sender<Option<SessionId>>,
    },
    /// Changes a hard budget: US dollars, none for as many as it takes. Answers with what it then is, or with `None` when
    /// it is no hard budget.
    ChangeBudget {
        budget: BudgetName,
        usd: Option<f64>,
        reply: oneshot::Sender<Option<HardBudget>>,
    },
    /// Reserves a slot for a session that was exported elsewhere. Answers with the session under the id and in the folder
    /// that it gets here, or with `None` when there is no room.
    ReserveSlot {
        session: StoredSession,
        reply: oneshot::Sender<Option<StoredSession>>,
    },
    /// Shows the session for which a slot was reserved, or frees the slot.
    FinishImport {
        id: SessionId,
        imported: Option<Box<ImportedSession>>,
    },
}

/// Where the answer to [`Command::Attach`] goes.
pub(crate) type AttachReply = oneshot::Sender<Result<Attached, SubscribeError>>;

/// A session in memory.
pub(crate) struct Attached {
    pub(crate) id: SessionId,
    pub(crate) state: Arc<StateTopic>,
    pub(crate) log: Arc<LogTopic>,
}

/// What the hub has to know of an imported session that is stored already.
pub(crate) struct ImportedSession {
    pub(crate) session: StoredSession,
    pub(crate) row: SessionRow,
    pub(crate) next_line: u64,
}

/// The answer to a push.
pub(crate) enum PushAnswer {
    /// It is durable, or it failed.
    Done(Result<Receipt, PushError>),
    /// The store was asked too long ago: it has to be asked again.
    Again(Batch),
}
