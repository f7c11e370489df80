//! The model calls that are in memory: those that were reported a moment ago, those that a waiting batch reports, and
//! those that are not durable yet. All others are in the store. A call must never leave memory before the store has it as
//! it is, or it would be counted twice.

use std::collections::{BTreeSet, VecDeque};

use forgecast_session::ledger::{ByKey, Call};
use forgecast_store::StoredCall;

/// A call in memory.
#[derive(Default)]
struct Entry {
    call: Call,
    keys: Vec<u64>,
    /// Commits that hold it and are not durable yet.
    uncommitted: u32,
    /// Its newest position in the order of use.
    stamp: u64,
}

/// Calls by number, and the numbers by key.
#[derive(Default)]
pub(crate) struct CallCache {
    calls: ByKey<Entry>,
    by_key: ByKey<u64>,
    /// How many waiting batches report a call with this key.
    wanted: ByKey<u32>,
    /// Number and stamp in the order of use. Only an entry with the call's newest stamp counts.
    order: VecDeque<(u64, u64)>,
    next_stamp: u64,
    uncommitted: usize,
}

impl CallCache {
    /// Those of the keys that no call in memory has: the store has to be asked.
    pub(crate) fn missing(&self, keys: &[u64]) -> Vec<u64> {
        let unknown = keys.iter().filter(|key| !self.by_key.contains_key(key));
        unknown.copied().collect()
    }

    /// A batch that reports these keys waits: their calls stay in memory.
    pub(crate) fn want(&mut self, keys: &[u64]) {
        for key in keys {
            *self.wanted.entry(*key).or_default() += 1;
        }
    }

    /// Undoes [`Self::want`].
    pub(crate) fn release(&mut self, keys: &[u64]) {
        for key in keys {
            if let Some(count) = self.wanted.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    self.wanted.remove(key);
                }
            }
        }
    }

    /// Adds what the store knew when it was asked. What is in memory already is newer, also when it has another number by
    /// now.
    pub(crate) fn load(&mut self, stored: &[StoredCall]) {
        for StoredCall { number, body } in stored {
            if self.by_key.contains_key(number) {
                continue;
            }
            match serde_json::from_slice::<Call>(body) {
                Ok(call) if call.keys().iter().any(|key| self.by_key.contains_key(key)) => {}
                Ok(call) => self.put_back(*number, call, 0),
                Err(error) => tracing::error!(%error, number, "a stored call cannot be read"),
            }
        }
    }

    /// The numbers of the calls that have any of these keys, the smallest first.
    pub(crate) fn find(&self, keys: &[u64]) -> Vec<u64> {
        let found: BTreeSet<u64> = keys.iter().filter_map(|key| self.by_key.get(key)).copied().collect();
        found.into_iter().collect()
    }

    /// A call.
    pub(crate) fn get(&self, number: u64) -> Option<&Call> {
        self.calls.get(&number).map(|entry| &entry.call)
    }

    /// Takes a call out to be changed and put back, with the number of commits that hold it and are not durable.
    pub(crate) fn take(&mut self, number: u64) -> Option<(Call, u32)> {
        let entry = self.calls.remove(&number)?;
        self.uncommitted -= usize::from(entry.uncommitted > 0);
        for key in &entry.keys {
            if self.by_key.get(key) == Some(&number) {
                self.by_key.remove(key);
            }
        }
        Some((entry.call, entry.uncommitted))
    }

    /// Puts a call back that is in so many commits already.
    pub(crate) fn put_back(&mut self, number: u64, call: Call, uncommitted: u32) {
        let mut keys = call.keys();
        if !keys.contains(&number) {
            keys.push(number);
        }
        for key in &keys {
            self.by_key.insert(*key, number);
        }
        let entry = Entry {
            call,
            keys,
            uncommitted,
            stamp: 0,
        };
        self.uncommitted += usize::from(uncommitted > 0);
        self.calls.insert(number, entry);
        self.used(number);
    }

    fn used(&mut self, number: u64) {
        self.next_stamp += 1;
        if let Some(entry) = self.calls.get_mut(&number) {
            entry.stamp = self.next_stamp;
            self.order.push_back((number, self.next_stamp));
        }
    }

    /// A call is in one more commit that is not durable yet.
    pub(crate) fn committing(&mut self, number: u64) {
        if let Some(entry) = self.calls.get_mut(&number) {
            self.uncommitted += usize::from(entry.uncommitted == 0);
            entry.uncommitted += 1;
        }
    }

    /// Commits that held a call are durable.
    pub(crate) fn committed(&mut self, number: u64, commits: u32) {
        if let Some(entry) = self.calls.get_mut(&number)
            && entry.uncommitted > 0
        {
            entry.uncommitted = entry.uncommitted.saturating_sub(commits);
            self.uncommitted -= usize::from(entry.uncommitted == 0);
        }
    }

    /// Number of calls that are not durable yet.
    pub(crate) fn uncommitted(&self) -> usize {
        self.uncommitted
    }

    /// Number of calls in memory.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Evicts the calls that were unused for longest, that the store has and no batch waits for, down to `limit`. Returns
    /// how many were evicted.
    pub(crate) fn shrink(&mut self, limit: usize) -> u64 {
        let mut evicted = 0;
        // Those that have to stay are looked at in turn, not all of them every time.
        let surplus = self.calls.len().saturating_sub(limit) + self.order.len().saturating_sub(2 * self.calls.len());
        let mut looks = (4 * surplus).min(self.order.len());
        while looks > 0 && (self.calls.len() > limit || self.order.len() > 2 * self.calls.len()) {
            looks -= 1;
            let Some((number, stamp)) = self.order.pop_front() else {
                break;
            };
            let Some(entry) = self.calls.get(&number).filter(|entry| entry.stamp == stamp) else {
                continue;
            };
            let is_wanted = || entry.keys.iter().any(|key| self.wanted.contains_key(key));
            if self.calls.len() <= limit || entry.uncommitted > 0 || is_wanted() {
                self.order.push_back((number, stamp));
                continue;
            }
            self.take(number);
            evicted += 1;
        }
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use forgecast_protocol::Timestamp;
    use forgecast_protocol::event::{CallId, CallReported, CallTokens, UsageSource};
    use forgecast_session::ledger::{Account, key_of_message, key_of_request};
    use forgecast_session::price::Prices;

    fn call(message: &str, request: &str) -> (u64, Call) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let report = CallReported {
            call: CallId {
                message: some(message),
                request: some(request),
                sidechain: false,
            },
            // Only telemetry names requests alone.
            source: if message.is_empty() {
                UsageSource::Otel
            } else {
                UsageSource::Transcript
            },
            used_at: None,
            model: None,
            fast: None,
            web_searches: 0,
            inference_geo: None,
            tokens: CallTokens::default(),
            cost_usd: None,
            agent: None,
            context_window: None,
            tools: Vec::new(),
            offset: 0,
        };
        let mut call = Call::default();
        let account = Account {
            report,
            session: "a~1".into(),
            owner: "a".into(),
            path: "a.jsonl".into(),
            at: Timestamp::from_millis(0),
            phase: String::new(),
            project: String::new(),
        };
        call.observe(account, &Prices::embedded());
        (call.keys()[0], call)
    }

    #[test]
    fn a_call_is_found_by_each_of_its_keys() {
        let mut calls = CallCache::default();
        let (number, one) = call("m", "r");
        let keys = [key_of_message("m"), key_of_request("r")];
        assert_eq!(calls.missing(&keys), keys);
        calls.put_back(number, one.clone(), 0);
        assert!(calls.missing(&keys).is_empty());
        assert_eq!(calls.find(&keys[1..]), [number]);
        assert_eq!(calls.take(number), Some((one, 0)));
        assert_eq!(calls.missing(&keys), keys);
    }

    #[test]
    fn what_is_here_is_newer_than_what_the_store_says() {
        let mut calls = CallCache::default();
        let (number, whole) = call("m", "r");
        calls.put_back(number, whole.clone(), 0);
        let (_, older) = call("m", "");
        let (absorbed, part) = call("", "r");
        let stored = [(number, older), (absorbed, part)].map(|(number, call)| StoredCall {
            number,
            body: serde_json::to_vec(&call).unwrap(),
        });
        calls.load(&stored);
        assert_eq!((calls.len(), calls.get(number)), (1, Some(&whole)));
    }

    #[test]
    fn only_what_is_durable_and_not_waited_for_leaves_memory() {
        let mut calls = CallCache::default();
        for number in 0..100 {
            let (number, call) = call(&format!("m{number}"), "");
            calls.put_back(number, call, 0);
        }
        let (pinned, awaited) = (key_of_message("m3"), key_of_message("m4"));
        calls.committing(pinned);
        calls.want(&[awaited]);
        assert_eq!(calls.shrink(10), 90);
        assert_eq!(calls.find(&[pinned, awaited]).len(), 2);
        calls.committed(pinned, 1);
        calls.release(&[awaited]);
        assert_eq!((calls.uncommitted(), calls.shrink(0)), (0, 10));
        assert!(calls.by_key.is_empty() && calls.wanted.is_empty() && calls.order.is_empty());
    }

    #[test]
    fn the_order_of_use_does_not_grow_with_the_uses_of_one_call() {
        let mut calls = CallCache::default();
        let (number, call) = call("m", "");
        for _ in 0..10_000 {
            calls.take(number);
            calls.put_back(number, call.clone(), 0);
            calls.shrink(100);
        }
        assert!(calls.order.len() <= 300, "{}", calls.order.len());
    }
}
