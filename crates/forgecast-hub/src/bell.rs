//! Tells tasks that there may be something new. A listener registers its task once, not each time it waits: ringing for a
//! thousand viewers costs one lock and a thousand wake-ups, and whoever is woken takes no lock to wait again.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// See the module.
#[derive(Debug, Default)]
pub struct Bell {
    rings: AtomicU64,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Bell {
    /// Wakes every listener. What was written before this call is seen by whoever is woken.
    pub fn ring(&self) {
        self.rings.fetch_add(1, Ordering::AcqRel);
        for waker in self.places().wakers.iter().flatten() {
            waker.wake_by_ref();
        }
    }

    /// A listener that hears every ring from now on.
    #[must_use]
    pub fn listen(self: &Arc<Self>) -> Listener {
        let mut places = self.places();
        let place = places.free.pop().unwrap_or_else(|| {
            places.wakers.push(None);
            places.wakers.len() - 1
        });
        drop(places);
        Listener {
            heard: self.rings.load(Ordering::Acquire),
            bell: Arc::clone(self),
            place,
            registered: None,
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Places are taken and given back in one step each: a panic elsewhere cannot leave them half changed.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that waits for a [`Bell`]. Dropping it gives its place back.
#[derive(Debug)]
pub struct Listener {
    bell: Arc<Bell>,
    place: usize,
    heard: u64,
    /// The task that the bell wakes at the moment, so that nothing is locked to find out.
    registered: Option<Waker>,
}

impl Listener {
    /// Whether the bell rang since this was asked last.
    pub fn heard(&mut self) -> bool {
        let rings = self.bell.rings.load(Ordering::Acquire);
        std::mem::replace(&mut self.heard, rings) != rings
    }

    /// Ready when the bell rang since it was asked last; otherwise the task is woken by the next ring. A task may be
    /// woken for nothing.
    pub fn poll_heard(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.heard() {
            return Poll::Ready(());
        }
        if !self
            .registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            self.registered = Some(cx.waker().clone());
            let old = self
                .bell
                .places()
                .wakers
                .get_mut(self.place)
                .and_then(|place| place.replace(cx.waker().clone()));
            // Outside the lock: letting go of a task may end it, and with it other listeners of this bell.
            drop(old);
            // A ring between the first look and the registration found the old waker.
            if self.heard() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Waits until the bell rings. Cancel-safe.
    pub async fn next(&mut self) {
        poll_fn(|cx| self.poll_heard(cx)).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut places = self.bell.places();
        let old = places.wakers.get_mut(self.place).and_then(Option::take);
        places.free.push(self.place);
        drop(places);
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
    fn a_ring_is_heard_once_whether_it_came_before_or_while_waiting() {
        let (bell, count) = (Arc::new(Bell::default()), Arc::new(Count::default()));
        let waker = Waker::from(count.clone());
        let cx = Context::from_waker(&waker);
        let mut listener = bell.listen();
        bell.ring();
        assert_eq!(listener.poll_heard(&cx), Poll::Ready(()));
        assert_eq!(listener.poll_heard(&cx), Poll::Pending);
        bell.ring();
        bell.ring();
        assert_eq!(count.0.load(Ordering::Acquire), 2);
        assert_eq!(listener.poll_heard(&cx), Poll::Ready(()));
        assert_eq!(listener.poll_heard(&cx), Poll::Pending);
    }

    #[test]
    fn the_task_that_waited_last_is_woken() {
        let bell = Arc::new(Bell::default());
        let mut listener = bell.listen();
        let [first, second] = [Arc::new(Count::default()), Arc::new(Count::default())];
        for count in [&first, &second] {
            let waker = Waker::from(count.clone());
            assert_eq!(listener.poll_heard(&Context::from_waker(&waker)), Poll::Pending);
        }
        bell.ring();
        assert_eq!(first.0.load(Ordering::Acquire), 0);
        assert_eq!(second.0.load(Ordering::Acquire), 1);
    }

    #[test]
    fn a_place_is_used_again_and_its_last_task_is_let_go() {
        let (bell, count) = (Arc::new(Bell::default()), Arc::new(Count::default()));
        for _ in 0..3 {
            let waker = Waker::from(count.clone());
            let mut listener = bell.listen();
            assert_eq!(listener.poll_heard(&Context::from_waker(&waker)), Poll::Pending);
        }
        assert_eq!(bell.places().wakers.len(), 1);
        assert_eq!(Arc::strong_count(&count), 1);
        assert!(bell.listen().bell.places().wakers[0].is_none());
    }
}
