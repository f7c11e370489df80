//! One viewer of one topic: a cursor into what the topic keeps. Holds no queue, so a slow viewer costs nothing; it is
//! brought to the newest state when it comes back.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use forgecast_protocol::update::TopicMark;
use forgecast_protocol::{Epoch, Revision, Topic};

use crate::bell::Listener;
use crate::error::SubscribeError;
use crate::frame::{Frame, Position};
use crate::log::LogTopic;
use crate::topic::{Cursor, StateTopic};

/// From where a viewer wants to follow a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// From the newest state; for a log, the last 500 lines.
    Fresh,
    /// From what the viewer holds already: the patches that follow if they are still kept, else a snapshot.
    After {
        /// The epoch of what it holds.
        epoch: Epoch,
        /// The revision of what it holds.
        revision: Revision,
    },
    /// For a log: from the line with this number.
    LogFrom(u64),
}

/// What came to a viewer in one go; to be written in one go.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Complete messages in order.
    pub frames: Vec<Frame>,
    /// Nothing follows: the session was removed, or the hub stops.
    pub ended: bool,
}

/// Counts a viewer for as long as it lives.
pub(crate) struct Seat {
    taken: [Arc<AtomicUsize>; 2],
}

impl Seat {
    /// Takes a seat among the viewers of a topic and among all, if both have one.
    pub(crate) fn take(
        topic: (&str, &Arc<AtomicUsize>, usize),
        all: (&Arc<AtomicUsize>, usize),
    ) -> Result<Self, SubscribeError> {
        let (name, viewers, limit) = topic;
        count(viewers, limit, name)?;
        if let Err(error) = count(all.0, all.1, "all topics") {
            viewers.fetch_sub(1, Ordering::AcqRel);
            return Err(error);
        }
        Ok(Self {
            taken: [viewers.clone(), all.0.clone()],
        })
    }
}

fn count(counter: &AtomicUsize, limit: usize, what: &str) -> Result<(), SubscribeError> {
    counter
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            (count < limit).then_some(count + 1)
        })
        .map(drop)
        .map_err(|viewers| SubscribeError::TooMany {
            topic: what.to_owned(),
            viewers,
            limit,
        })
}

impl Drop for Seat {
    fn drop(&mut self) {
        for counter in &self.taken {
            counter.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

enum Source {
    State {
        topic: Arc<StateTopic>,
        cursor: Cursor,
    },
    Log {
        topic: Arc<LogTopic>,
        /// Lines from the store that come before what is in memory.
        older: Vec<Frame>,
        next: u64,
        said_end: bool,
    },
}

/// See the module. Dropping it ends it.
pub struct Subscription {
    topic: Topic,
    source: Source,
    wakes: Listener,
    ended: bool,
    /// Whether somebody has asked for the first delivery.
    asked: bool,
    _seat: Seat,
}

impl Subscription {
    pub(crate) fn of_state(name: Topic, topic: Arc<StateTopic>, seat: Seat, position: Option<Position>) -> Self {
        Self {
            topic: name,
            wakes: topic.wakes(),
            source: Source::State {
                cursor: topic.cursor(position),
                topic,
            },
            ended: false,
            asked: false,
            _seat: seat,
        }
    }

    pub(crate) fn of_log(name: Topic, topic: Arc<LogTopic>, seat: Seat, older: Vec<Frame>, next: u64) -> Self {
        Self {
            topic: name,
            wakes: topic.wakes(),
            source: Source::Log {
                topic,
                older,
                next,
                said_end: false,
            },
            ended: false,
            asked: false,
            _seat: seat,
        }
    }

    /// What is followed, by its canonical name: a bare session name has become the run that it meant.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Waits until there is something, and takes all of it. After the end it answers at once, with nothing but `ended`.
    ///
    /// Cancel-safe: the cursor moves in the same step in which the frames are handed out, so it can stand in a `select!`
    /// with others; nothing is lost or repeated when another branch wins.
    pub async fn next(&mut self) -> Delivery {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`Subscription::next`] for a task that waits for several at once. Costs next to nothing while there is nothing.
    pub fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Delivery> {
        // The first time what is there is given without a ring.
        if std::mem::replace(&mut self.asked, true) && !self.ended && self.wakes.poll_heard(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            if let Some(delivery) = self.try_next() {
                return Poll::Ready(delivery);
            }
            if self.wakes.poll_heard(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// What there is right now, without waiting; nothing when the viewer is up to date.
    pub fn try_next(&mut self) -> Option<Delivery> {
        if self.ended {
            return Some(Delivery {
                frames: Vec::new(),
                ended: true,
            });
        }
        // Before looking: what is published from here on wakes again.
        self.wakes.heard();
        let mut frames = Vec::new();
        self.ended = match &mut self.source {
            Source::State { topic, cursor } => topic.take(cursor, &mut frames),
            Source::Log {
                topic,
                older,
                next,
                said_end,
            } => {
                frames.append(older);
                topic.take(next, said_end, &mut frames)
            }
        };
        (self.ended || !frames.is_empty()).then_some(Delivery {
            frames,
            ended: self.ended,
        })
    }

    /// What the viewer holds once it has read everything that was handed out so far: what a heartbeat says. With the
    /// digest only when that is the newest state, for an older one is not kept.
    #[must_use]
    pub fn mark(&self) -> TopicMark {
        match &self.source {
            Source::State { topic, cursor } => TopicMark {
                revision: cursor.position.map_or(0, |position| position.revision),
                digest: cursor.position.and_then(|position| topic.digest_at(position)),
            },
            Source::Log { next, .. } => TopicMark {
                revision: *next,
                digest: None,
            },
        }
    }
}
