//! One viewer of one topic: a cursor into what the topic retains. It has no queue, so a slow viewer costs nothing; it gets
//! the newest state when it comes back.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use forgecast_protocol::update::TopicMark;
use forgecast_protocol::{Epoch, Revision, Topic};

use crate::error::SubscribeError;
use crate::frame::{self, Frame, FrameKind};
use crate::log::LogTopic;
use crate::notifier::Listener;
use crate::topic::{Cursor, End, StateTopic, TopicHandle};

/// Where a viewer begins to follow a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// From the newest state; for a log, the last 500 lines.
    Fresh,
    /// From what the viewer holds already: it gets the patches that follow if they are still retained, otherwise a snapshot.
    After {
        /// The epoch of what it holds.
        epoch: Epoch,
        /// The revision of what it holds.
        revision: Revision,
    },
    /// For a log: from the line with this number.
    LogFrom(u64),
}

/// Everything that was new to a viewer at one moment; to be written in one go.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Complete messages in order.
    pub frames: Vec<Frame>,
    /// Nothing follows: the session was removed, or the hub stops.
    pub ended: bool,
}

/// Counts a viewer, among those of its topic and among all, until it is dropped.
pub(crate) struct ViewerPermit {
    counters: [Arc<AtomicUsize>; 2],
}

impl ViewerPermit {
    /// Counts one more viewer of a topic that may have `limit`; `all` are the viewers of all topics and their limit.
    pub(crate) fn acquire(
        topic: &TopicHandle,
        limit: usize,
        all: (&Arc<AtomicUsize>, usize),
    ) -> Result<Self, SubscribeError> {
        count(&topic.viewers, limit, &topic.name)?;
        if let Err(error) = count(all.0, all.1, "all topics") {
            topic.viewers.fetch_sub(1, Ordering::AcqRel);
            return Err(error);
        }
        Ok(Self {
            counters: [topic.viewers.clone(), all.0.clone()],
        })
    }
}

fn count(counter: &AtomicUsize, limit: usize, topic: &str) -> Result<(), SubscribeError> {
    counter
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            (count < limit).then_some(count + 1)
        })
        .map(drop)
        .map_err(|viewers| SubscribeError::TooMany {
            topic: topic.to_owned(),
            viewers,
            limit,
        })
}

impl Drop for ViewerPermit {
    fn drop(&mut self) {
        for counter in &self.counters {
            counter.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// What a viewer follows, and how far it has come.
pub(crate) enum Source {
    State {
        topic: Arc<StateTopic>,
        cursor: Cursor,
    },
    Log {
        topic: Arc<LogTopic>,
        /// Lines from the store that come before what is in memory.
        older: Vec<Frame>,
        /// Number of the next line from memory.
        next: u64,
    },
}

impl Source {
    fn handle(&self) -> &TopicHandle {
        match self {
            Self::State { topic, .. } => &topic.handle,
            Self::Log { topic, .. } => &topic.handle,
        }
    }
}

/// One viewer of one topic. Dropping it ends the subscription.
pub struct Subscription {
    topic: Topic,
    source: Source,
    listener: Listener,
    ended: bool,
    /// Whether the first delivery was asked for.
    asked: bool,
    _permit: Option<ViewerPermit>,
}

impl Subscription {
    pub(crate) fn new(topic: Topic, source: Source, permit: ViewerPermit) -> Self {
        Self {
            _permit: Some(permit),
            ..Self::uncounted(topic, source)
        }
    }

    /// A subscription of this process itself, which takes no viewer's place.
    pub(crate) fn uncounted(topic: Topic, source: Source) -> Self {
        Self {
            topic,
            listener: source.handle().changed.listen(),
            source,
            ended: false,
            asked: false,
            _permit: None,
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
        // The first time, what is there already is delivered without a change.
        if std::mem::replace(&mut self.asked, true) && !self.ended && self.listener.poll_changed(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            if let Some(delivery) = self.try_next() {
                return Poll::Ready(delivery);
            }
            if self.listener.poll_changed(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// What is new at the moment, without waiting; `None` when the viewer is up to date.
    pub fn try_next(&mut self) -> Option<Delivery> {
        if self.ended {
            return Some(Delivery {
                frames: Vec::new(),
                ended: true,
            });
        }
        // Before looking: what is published from here on wakes the task again.
        self.listener.has_changed();
        let end = self.source.handle().end.get().copied();
        let mut frames = Vec::new();
        match &mut self.source {
            Source::State { topic, cursor } => topic.take(cursor, &mut frames),
            Source::Log { topic, older, next } => {
                frames.append(older);
                topic.take(next, &mut frames);
            }
        }
        if end == Some(End::Removed) {
            let removed = frame::removed(&self.source.handle().name);
            frames.push(Frame::new(FrameKind::Removed, removed, None));
        }
        self.ended = end.is_some();
        (self.ended || !frames.is_empty()).then_some(Delivery {
            frames,
            ended: self.ended,
        })
    }

    /// What the viewer holds once it has read everything that was handed out so far: what a heartbeat says. With the
    /// digest only when that is the newest state, for older digests are not retained.
    #[must_use]
    pub fn mark(&self) -> TopicMark {
        match &self.source {
            Source::State { topic, cursor } => TopicMark {
                revision: cursor.held.unwrap_or(0),
                digest: cursor.held.and_then(|revision| topic.digest_at(revision)),
            },
            Source::Log { next, .. } => TopicMark {
                revision: *next,
                digest: None,
            },
        }
    }
}
