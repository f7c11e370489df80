//! The topics that one viewer follows. There is no queue and no task per topic: whoever waits polls them all.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::task::Poll;

use forgecast_hub::{Frame, Subscription};
use forgecast_protocol::Topic;
use forgecast_protocol::update::TopicMark;

/// See the module.
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
        // Two names of one session are one topic: were both followed, every patch would come twice.
        let canonical = subscription.topic().clone();
        self.remove(&canonical);
        self.followed.push(Followed { named, subscription });
    }

    /// Follows it no longer, by the name that was used or by the canonical one.
    pub(crate) fn remove(&mut self, topic: &Topic) {
        self.followed
            .retain(|one| one.named != *topic && one.subscription.topic() != topic);
    }

    /// What the viewer should hold of each.
    pub(crate) fn marks(&self) -> BTreeMap<String, TopicMark> {
        self.followed
            .iter()
            .map(|one| (one.subscription.topic().to_string(), one.subscription.mark()))
            .collect()
    }

    /// Waits until there is something to send, then returns all that is ready on every topic, so that it goes out in one
    /// write. Topics that ended are followed no longer. Never returns while nothing is followed. Cancel-safe.
    pub(crate) async fn deliveries(&mut self) -> Vec<Frame> {
        let (frames, ended) = {
            let mut waiting: Vec<_> = self
                .followed
                .iter_mut()
                .map(|one| Box::pin(one.subscription.next()))
                .collect();
            poll_fn(|cx| {
                let mut frames = Vec::new();
                let mut ended = Vec::new();
                let mut idle = true;
                for (index, next) in waiting.iter_mut().enumerate() {
                    if let Poll::Ready(delivery) = next.as_mut().poll(cx) {
                        idle = false;
                        frames.extend(delivery.frames);
                        if delivery.ended {
                            ended.push(index);
                        }
                    }
                }
                // Ready in the same poll in which the first one was: what was taken is never dropped, and nothing is
                // polled again after its end.
                if idle {
                    Poll::Pending
                } else {
                    Poll::Ready((frames, ended))
                }
            })
            .await
        };
        for index in ended.into_iter().rev() {
            self.followed.remove(index);
        }
        frames
    }
}
