//! Limits how many requests of a kind run at once that take much of the server, in all and of one caller: one that asks for
//! many at a time keeps nobody else out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::Principal;
use crate::error::Error;

/// Counts the requests that run.
#[derive(Clone, Debug)]
pub(crate) struct Concurrency {
    running: Arc<Mutex<HashMap<String, usize>>>,
    in_all: usize,
    per_caller: usize,
}

/// The right to run one request, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct ConcurrencyPermit {
    of: Concurrency,
    caller: String,
}

impl Concurrency {
    /// Limits for all requests and for those of one caller.
    pub(crate) fn new(in_all: usize, per_caller: usize) -> Self {
        Self {
            running: Arc::default(),
            in_all,
            per_caller,
        }
    }

    /// A permit for a request of this principal.
    ///
    /// # Errors
    /// [`Error::TooManyAtOnce`].
    pub(crate) fn acquire(&self, principal: &Principal) -> Result<ConcurrencyPermit, Error> {
        let caller = principal.producer();
        let mut running = self.running();
        let own = running.get(caller).copied().unwrap_or(0);
        if own >= self.per_caller || running.values().sum::<usize>() >= self.in_all {
            return Err(Error::TooManyAtOnce);
        }
        running.insert(caller.to_owned(), own + 1);
        Ok(ConcurrencyPermit {
            of: self.clone(),
            caller: caller.to_owned(),
        })
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        // A number is changed in one step: a panic elsewhere cannot leave it half changed.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        let mut running = self.of.running();
        if let Some(own) = running.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                running.remove(&self.caller);
            }
        }
    }
}
