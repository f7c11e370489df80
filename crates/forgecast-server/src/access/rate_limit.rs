//! How many wrong tokens somebody may present: counted per address and over all. Whoever presents a right one is never
//! turned away for what others do elsewhere. What is remembered is bounded, whoever rate_limit from wherever.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Addresses that are remembered; the one that was quiet for longest is forgotten for a new one.
const ADDRESSES: usize = 4_096;
/// Right keys and wrong tokens that are remembered of an address.
const REMEMBERED: usize = 4;
/// A wrong token once more is a program that nobody told of the change, not one that rate_limit.
const AGAIN: f64 = 0.1;
const MINUTE_S: f64 = 60.0;

/// See the module.
#[derive(Debug)]
pub(super) struct LoginRateLimiter {
    per_address: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    all: TokenBucket,
    addresses: HashMap<IpAddr, Known>,
}

/// What is known of an address.
#[derive(Debug)]
struct Known {
    bucket: TokenBucket,
    seen: Instant,
    /// Ids of the tokens that came from there and were right, the last one last.
    right: Vec<Arc<str>>,
    /// The beginnings of the hashes of those that were wrong.
    wrong: Vec<u64>,
}

/// So many a minute; who asked for none for a minute has all of them.
#[derive(Debug)]
struct TokenBucket {
    most: f64,
    left: f64,
    at: Instant,
}

impl TokenBucket {
    fn new(a_minute: f64, now: Instant) -> Self {
        Self {
            most: a_minute,
            left: a_minute,
            at: now,
        }
    }

    fn left(&mut self, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.most / MINUTE_S;
        self.left = (self.left + gained).min(self.most);
        self.at = now;
        self.left
    }

    /// After how many whole seconds there is a whole one again.
    fn wait_s(&mut self, now: Instant) -> Option<u32> {
        let missing = 1.0 - self.left(now);
        if missing <= 0.0 {
            return None;
        }
        let seconds = Duration::try_from_secs_f64(missing * MINUTE_S / self.most).unwrap_or(Duration::from_secs(3600));
        Some(u32::try_from(seconds.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }
}

/// A token that was presented.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenCheck<'a> {
    /// It is the one with this id.
    Valid(&'a Arc<str>),
    /// It is none; this stands for it.
    Invalid(u64),
}

impl LoginRateLimiter {
    /// So many a minute from one address, and so many from all; at least one.
    pub(super) fn new(per_address: u32, all: u32, now: Instant) -> Self {
        Self {
            per_address: f64::from(per_address.max(1)),
            state: Mutex::new(State {
                all: TokenBucket::new(f64::from(all.max(1)), now),
                addresses: HashMap::new(),
            }),
        }
    }

    /// Whether the token may be looked at.
    ///
    /// # Errors
    /// Not before so many seconds.
    pub(super) fn judge(&self, address: IpAddr, presented: TokenCheck<'_>, now: Instant) -> Result<(), u32> {
        let mut state = self.state();
        let State { all, addresses } = &mut *state;
        let address = network(address);
        if addresses.len() >= ADDRESSES && !addresses.contains_key(&address) {
            let quiet = addresses
                .iter()
                .min_by_key(|(_, known)| known.seen)
                .map(|(address, _)| *address);
            quiet.map(|quiet| addresses.remove(&quiet));
        }
        let known = addresses.entry(address).or_insert_with(|| Known {
            bucket: TokenBucket::new(self.per_address, now),
            seen: now,
            right: Vec::new(),
            wrong: Vec::new(),
        });
        known.seen = now;
        let wait = known.bucket.wait_s(now);
        match presented {
            TokenCheck::Valid(key) => {
                let was_right = known.right.contains(key);
                match wait {
                    // A neighbour behind the same address rate_limit; this one was here before.
                    Some(_) if was_right => Ok(()),
                    // To tell that it is right would be to look at one guess too many.
                    Some(wait) => Err(wait),
                    None => {
                        if !was_right {
                            remember(&mut known.right, Arc::clone(key));
                        }
                        Ok(())
                    }
                }
            }
            TokenCheck::Invalid(mark) => {
                if let Some(wait) = wait {
                    return Err(wait);
                }
                let weight = if known.wrong.contains(&mark) { AGAIN } else { 1.0 };
                known.bucket.left -= weight;
                if weight == 1.0 {
                    remember(&mut known.wrong, mark);
                }
                if let Some(wait) = all.wait_s(now) {
                    return Err(wait);
                }
                all.left -= weight;
                Ok(())
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers that may be off by one guess after a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember<T>(list: &mut Vec<T>, one: T) {
    if list.len() >= REMEMBERED {
        list.remove(0);
    }
    list.push(one);
}

/// Whom an address counts for: of IPv6 everybody has a whole network (/64) to guess from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) if address.is_loopback() => IpAddr::V6(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn who_guesses_is_slowed_down_and_let_in_again_later() {
        let start = Instant::now();
        let rate_limit = LoginRateLimiter::new(6, 1_000, start);
        let guess = |mark, now| rate_limit.judge(address(1), TokenCheck::Invalid(mark), now);
        for mark in 0..6 {
            assert_eq!(guess(mark, start), Ok(()));
        }
        assert_eq!(guess(6, start), Err(11), "six a minute is one in ten seconds");
        assert_eq!(guess(7, start + Duration::from_secs(5)), Err(6));
        assert_eq!(guess(8, start + Duration::from_secs(11)), Ok(()));
        assert!(guess(9, start + Duration::from_secs(12)).is_err());
        assert_eq!(
            guess(9, start),
            guess(10, start),
            "a clock that goes back gives nothing"
        );
    }

    #[test]
    fn a_right_token_is_not_looked_at_where_too_many_were_wrong_unless_it_was_here_before() {
        let now = Instant::now();
        let rate_limit = LoginRateLimiter::new(3, 1_000, now);
        let (old, new): (Arc<str>, Arc<str>) = ("old".into(), "new".into());
        assert_eq!(rate_limit.judge(address(1), TokenCheck::Valid(&old), now), Ok(()));
        for mark in 0..10 {
            let _ = rate_limit.judge(address(1), TokenCheck::Invalid(mark), now);
        }
        assert_eq!(rate_limit.judge(address(1), TokenCheck::Valid(&old), now), Ok(()));
        assert!(rate_limit.judge(address(1), TokenCheck::Valid(&new), now).is_err());
        assert_eq!(rate_limit.judge(address(2), TokenCheck::Valid(&new), now), Ok(()));
    }

    #[test]
    fn guesses_from_many_addresses_are_slowed_down_together_and_lock_nobody_out() {
        let now = Instant::now();
        let rate_limit = LoginRateLimiter::new(10, 50, now);
        let refused = (0..100)
            .filter(|number| rate_limit.judge(address(*number), TokenCheck::Invalid(1), now).is_err())
            .count();
        assert_eq!(refused, 50);
        let key = "key".into();
        assert_eq!(rate_limit.judge(address(1_000), TokenCheck::Valid(&key), now), Ok(()));
    }

    #[test]
    fn the_same_wrong_token_again_weighs_less() {
        let now = Instant::now();
        let rate_limit = LoginRateLimiter::new(10, 1_000, now);
        let same = (0..1_000).take_while(|_| rate_limit.judge(address(1), TokenCheck::Invalid(7), now).is_ok());
        let same = same.count();
        assert!((75..=95).contains(&same), "{same}");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let now = Instant::now();
        let rate_limit = LoginRateLimiter::new(10, 1_000, now);
        for number in 0..10_000_u32 {
            for mark in 0..3 {
                let _ = rate_limit.judge(
                    address(number),
                    TokenCheck::Invalid(mark),
                    now + Duration::from_millis(number.into()),
                );
            }
            let key = number.to_string().into();
            let _ = rate_limit.judge(
                address(1),
                TokenCheck::Valid(&key),
                now + Duration::from_millis(number.into()),
            );
        }
        let state = rate_limit.state();
        assert_eq!(state.addresses.len(), ADDRESSES);
        assert!(
            state
                .addresses
                .values()
                .all(|known| known.right.len() <= REMEMBERED && known.wrong.len() <= REMEMBERED)
        );
    }

    #[test]
    fn a_network_of_six_counts_as_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_eq!(of("::1").to_string(), "::1");
    }
}
