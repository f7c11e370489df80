//! Wakes tasks when there may be something new. A listener registers its task once, not each time it waits: notifying a
//! thousand viewers costs one lock and a thousand wake-ups, and a task that was woken takes no lock to wait again.
//! (`tokio::sync::Notify` takes its lock for every wait of every task.)

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The list of the tasks to wake.
#[derive(Debug, Default)]
pub struct Notifier {
    changes: AtomicU64,
    slots: Mutex<WakerSlots>,
}

#[derive(Debug, Default)]
struct WakerSlots {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Notifier {
    /// Wakes every listener. What was written before this call is seen by the tasks that are woken.
    pub fn notify_all(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        for waker in self.slots().wakers.iter().flatten() {
            waker.wake_by_ref();
        }
    }

    /// A listener that sees every change from now on.
    #[must_use]
    pub fn listen(self: &Arc<Self>) -> Listener {
        let mut slots = self.slots();
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.wakers.push(None);
            slots.wakers.len() - 1
        });
        drop(slots);
        Listener {
            seen: self.changes.load(Ordering::Acquire),
            notifier: Arc::clone(self),
            slot,
            registered: None,
        }
    }

    fn slots(&self) -> MutexGuard<'_, WakerSlots> {
        // Slots are taken and returned in one step each: a panic elsewhere cannot leave them half changed.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that waits for a [`Notifier`]. Dropping it returns its slot.
#[derive(Debug)]
pub struct Listener {
    notifier: Arc<Notifier>,
    slot: usize,
    seen: u64,
    /// The task that is woken at the moment, so that nothing is locked to find out.
    registered: Option<Waker>,
}

impl Listener {
    /// Whether anything changed since this was asked last.
    pub(crate) fn has_changed(&mut self) -> bool {
        let changes = self.notifier.changes.load(Ordering::Acquire);
        std::mem::replace(&mut self.seen, changes) != changes
    }

    /// Ready when anything changed since this was asked last; otherwise the task is woken by the next change. A task may
    /// be woken without a change.
    pub fn poll_changed(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.has_changed() {
            return Poll::Ready(());
        }
        if !self
            .registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            self.registered = Some(cx.waker().clone());
            let old = self
                .notifier
                .slots()
                .wakers
                .get_mut(self.slot)
                .and_then(|slot| slot.replace(cx.waker().clone()));
            // Outside the lock: dropping a waker may end its task, and with it other listeners of this notifier.
            drop(old);
            // A change between the first look and the registration found the old waker.
            if self.has_changed() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Waits for the next change. Cancel-safe.
    pub async fn changed(&mut self) {
        poll_fn(|cx| self.poll_changed(cx)).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut slots = self.notifier.slots();
        let old = slots.wakers.get_mut(self.slot).and_then(Option::take);
        slots.free.push(self.slot);
        drop(slots);
        drop(old);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    #[test]
    fn a_change_is_seen_once_whether_it_came_before_or_while_waiting() {
        let (notifier, count) = (Arc::new(Notifier::default()), Arc::new(Count::default()));
        let waker = Waker::from(count.clone());
        let cx = Context::from_waker(&waker);
        let mut listener = notifier.listen();
        notifier.notify_all();
        assert_eq!(listener.poll_changed(&cx), Poll::Ready(()));
        assert_eq!(listener.poll_changed(&cx), Poll::Pending);
        notifier.notify_all();
        notifier.notify_all();
        assert_eq!(count.0.load(Ordering::Acquire), 2);
        assert_eq!(listener.poll_changed(&cx), Poll::Ready(()));
        assert_eq!(listener.poll_changed(&cx), Poll::Pending);
    }

    #[test]
    fn the_task_that_waited_last_is_woken() {
        let notifier = Arc::new(Notifier::default());
        let mut listener = notifier.listen();
        let [first, second] = [Arc::new(Count::default()), Arc::new(Count::default())];
        for count in [&first, &second] {
            let waker = Waker::from(count.clone());
            assert_eq!(listener.poll_changed(&Context::from_waker(&waker)), Poll::Pending);
        }
        notifier.notify_all();
        assert_eq!(first.0.load(Ordering::Acquire), 0);
        assert_eq!(second.0.load(Ordering::Acquire), 1);
    }

    #[test]
    fn a_slot_is_used_again_and_its_last_task_is_dropped() {
        let (notifier, count) = (Arc::new(Notifier::default()), Arc::new(Count::default()));
        for _ in 0..3 {
            let waker = Waker::from(count.clone());
            let mut listener = notifier.listen();
            assert_eq!(listener.poll_changed(&Context::from_waker(&waker)), Poll::Pending);
        }
        assert_eq!(notifier.slots().wakers.len(), 1);
        assert_eq!(Arc::strong_count(&count), 1);
        assert!(notifier.listen().notifier.slots().wakers[0].is_none());
    }
}
