//! The topics that one viewer follows. There is no queue and no task per topic: whoever waits polls them all.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use forgecast_hub::{Delivery, Frame, Subscription};
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
                .map(|one| Some(Box::pin(one.subscription.next())))
                .collect();
            poll_fn(|cx| {
                let mut frames = Vec::new();
                let mut ended = Vec::new();
                for (index, slot) in waiting.iter_mut().enumerate() {
                    let Some(next) = slot else { continue };
                    if let Poll::Ready(delivery) = Pin::new(next).poll(cx) {
                        *slot = None;
                        let Delivery {
                            frames: more,
                            ended: over,
                            ..
                        } = delivery;
                        frames.extend(more);
                        if over {
                            ended.push(index);
                        }
                    }
                }
                if frames.is_empty() && ended.is_empty() {
                    // A slot that delivered nothing at all is asked again on the next call, not in this one.
                    return Poll::Pending;
                }
                Poll::Ready((frames, ended))
            })
            .await
        };
        for index in ended.into_iter().rev() {
            self.followed.remove(index);
        }
        frames
    }
}
