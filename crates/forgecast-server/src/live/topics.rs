//! The topics that one viewer follows. There is no queue and no task per topic: the task of the viewer polls all of them.

use std::collections::BTreeMap;
use std::task::{Context, Poll};

use forgecast_hub::{Frame, Subscription};
use forgecast_protocol::Topic;
use forgecast_protocol::update::TopicMark;

use crate::access::Principal;

/// The topics that one viewer follows.
#[derive(Default)]
pub(crate) struct Topics {
    followed: Vec<Followed>,
}

struct Followed {
    /// As the viewer named it: a bare name stays valid for unsubscribing though it now means another run.
    named: Topic,
    subscription: Subscription,
}

impl Topics {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.followed.len()
    }

    /// Follows one more, under the name that the viewer used.
    pub(crate) fn add(&mut self, named: Topic, subscription: Subscription) {
        // Two names of one session are one topic. If both were followed, every patch would be sent twice.
        let canonical = subscription.topic().clone();
        self.remove(&canonical);
        self.followed.push(Followed { named, subscription });
    }

    /// Stops following a topic, given by the name that was used or by the canonical one.
    pub(crate) fn remove(&mut self, topic: &Topic) {
        self.followed
            .retain(|one| one.named != *topic && one.subscription.topic() != topic);
    }

    /// The revision, and the digest if it is known, that this viewer should have of each topic.
    pub(crate) fn marks(&self, principal: &Principal) -> BTreeMap<String, TopicMark> {
        self.followed
            .iter()
            .map(|one| {
                let mark = principal.receive_mark(one.subscription.mark());
                (one.subscription.topic().to_string(), mark)
            })
            .collect()
    }

    /// All that is ready on every topic, so that it goes out in one write; the task is woken when there is something.
    /// Topics that ended are followed no longer. Never ready while nothing is followed.
    pub(crate) fn poll_deliveries(&mut self, cx: &Context<'_>) -> Poll<Vec<Frame>> {
        let mut frames = Vec::new();
        let mut idle = true;
        self.followed.retain_mut(|one| {
            let Poll::Ready(delivery) = one.subscription.poll_next(cx) else {
                return true;
            };
            idle = false;
            if frames.is_empty() {
                frames = delivery.frames;
            } else {
                frames.extend(delivery.frames);
            }
            !delivery.ended
        });
        if idle { Poll::Pending } else { Poll::Ready(frames) }
    }
}
