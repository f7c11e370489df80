//! The hub's settings: limits, prices and budgets.

use forgecast_protocol::Calendar;
use forgecast_session::Limits;
use forgecast_session::price::Prices;

use crate::hard_budgets::HardLimits;
use crate::spending::Budgets;

/// Limits of the hub. Sizes and times carry their unit in the name.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a session may be without work before silence has a meaning.
    pub limits: Limits,
    /// Viewers of one session's topic at a time. Those of its log are counted separately, up to the same number, so that
    /// readers of the log do not keep others from watching the session; the index has no limit of its own.
    pub viewers_per_session: usize,
    /// Subscriptions to all topics together: a dashboard that shows the index, a session and its log has three.
    pub viewers: usize,
    /// Number of patches that are retained for viewers that come back, per session.
    pub ring_patches: usize,
    /// Bytes of patches that are retained, per session.
    pub ring_bytes: usize,
    /// Log lines that stay in memory, per session; older ones are read from the store.
    pub log_lines: usize,
    /// Bytes that may wait for their commit before pushes are refused and file facts collapse to the latest per source.
    pub max_backlog_bytes: u64,
    /// Sessions that are known at a time; beyond it the oldest finished ones leave the index.
    pub max_sessions: usize,
    /// Full views of unfinished sessions in memory while nobody watches them. A build at work whose view is not in memory
    /// costs a look-up in the store for its next fact, so this is as many as may be at work at once.
    pub idle_unfinished: usize,
    /// Full views of finished sessions in memory while nobody watches them.
    pub idle_finished: usize,
    /// After this time without a fact and without a viewer a full view leaves memory.
    pub idle_ms: u64,
    /// Changes of the index that come within this time are sent as one patch.
    pub index_coalesce_ms: u64,
    /// Finished sessions in the index; unfinished ones are all in it.
    pub index_finished: usize,
    /// Events after which a snapshot of a session is stored.
    pub snapshot_events: u64,
    /// How long a push or a query may wait for the store.
    pub store_deadline_ms: u64,
    /// Ids of pushed events that are remembered in memory, so that two pushes of one id at the same time count once.
    pub recent_ids: usize,
    /// Batches that may queue before their source has to wait.
    pub intake: usize,
    /// What tokens cost. Another table changes what is counted from then on, never what was.
    pub prices: Prices,
    /// Money that may be spent.
    pub budgets: Budgets,
    /// Money that may be spent before agents are stopped.
    pub hard_limits: HardLimits,
    /// Which day a moment belongs to.
    pub calendar: Calendar,
    /// Model calls in memory. A call that is reported again after it left memory costs a look-up in the store, so this is as
    /// many as may be under way or just over at once.
    pub calls_in_memory: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            viewers_per_session: 20,
            viewers: 2_000,
            ring_patches: 256,
            ring_bytes: 1024 * 1024,
            log_lines: 1_000,
            max_backlog_bytes: 64 * 1024 * 1024,
            max_sessions: 20_000,
            idle_unfinished: 16_384,
            idle_finished: 64,
            idle_ms: 10 * 60 * 1000,
            index_coalesce_ms: 100,
            index_finished: 500,
            snapshot_events: 256,
            store_deadline_ms: 5_000,
            recent_ids: 131_072,
            intake: 256,
            prices: Prices::embedded(),
            budgets: Budgets::default(),
            hard_limits: HardLimits::default(),
            calendar: Calendar::default(),
            calls_in_memory: 16_384,
        }
    }
}
