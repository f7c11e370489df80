//! Limits how many invalid tokens clients may present, per address and over all addresses. A client with a valid token is
//! never refused because of what others do elsewhere. The memory is bounded, whatever the attack.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Addresses that are remembered; the one that was quiet for longest makes room for a new one.
const ADDRESSES: usize = 4_096;
/// Valid and invalid tokens that are remembered per address.
const REMEMBERED: usize = 4;
/// What the same invalid token costs when it is repeated: a program with an outdated token is not guessing.
const REPEATED: f64 = 0.1;
const MINUTE_S: f64 = 60.0;

/// Counts attempts.
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
    /// Ids of the valid tokens that came from there, the last one last.
    valid: Vec<Arc<str>>,
    /// The first bytes of the hashes of the invalid ones.
    invalid: Vec<u64>,
}

/// A token bucket that refills within a minute.
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

    /// Whether a whole attempt is available; otherwise the seconds until one is again.
    fn check(&mut self, now: Instant) -> Result<(), u32> {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.most / MINUTE_S;
        self.left = (self.left + gained).min(self.most);
        self.at = now;
        let missing = 1.0 - self.left;
        if missing <= 0.0 {
            return Ok(());
        }
        let seconds = Duration::try_from_secs_f64(missing * MINUTE_S / self.most).unwrap_or(Duration::from_secs(3600));
        Err(u32::try_from(seconds.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }
}

/// The result of checking a token.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenCheck<'a> {
    /// It is valid and has this id.
    Valid(&'a Arc<str>),
    /// It is invalid; the number identifies it.
    Invalid(u64),
}

impl LoginRateLimiter {
    /// Allows so many invalid tokens per minute from one address and from all addresses; at least one.
    pub(super) fn new(per_address: u32, all: u32, now: Instant) -> Self {
        Self {
            per_address: f64::from(per_address.max(1)),
            state: Mutex::new(State {
                all: TokenBucket::new(f64::from(all.max(1)), now),
                addresses: HashMap::new(),
            }),
        }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// The attempt is refused; the value is the number of seconds to wait.
    pub(super) fn check(&self, address: IpAddr, presented: TokenCheck<'_>, now: Instant) -> Result<(), u32> {
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
            valid: Vec::new(),
            invalid: Vec::new(),
        });
        known.seen = now;
        // Whoever else guesses at the same address: this token was valid before.
        if matches!(presented, TokenCheck::Valid(key) if known.valid.contains(key)) {
            return Ok(());
        }
        // Accepting a valid token beyond the limit would confirm a guess.
        known.bucket.check(now)?;
        match presented {
            TokenCheck::Valid(key) => remember(&mut known.valid, Arc::clone(key)),
            TokenCheck::Invalid(mark) => {
                let weight = if known.invalid.contains(&mark) { REPEATED } else { 1.0 };
                known.bucket.left -= weight;
                if weight == 1.0 {
                    remember(&mut known.invalid, mark);
                }
                all.check(now)?;
                all.left -= weight;
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // After a panic elsewhere the numbers may be off by one attempt.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember<T>(list: &mut Vec<T>, one: T) {
    if list.len() >= REMEMBERED {
        list.remove(0);
    }
    list.push(one);
}

/// The network that an address counts for: with IPv6, a client has a whole /64 to guess from.
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
        let limiter = LoginRateLimiter::new(6, 1_000, start);
        let guess = |mark, now| limiter.check(address(1), TokenCheck::Invalid(mark), now);
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
    fn after_too_many_wrong_tokens_only_one_that_was_here_before_is_checked() {
        let now = Instant::now();
        let limiter = LoginRateLimiter::new(3, 1_000, now);
        let (old, new): (Arc<str>, Arc<str>) = ("old".into(), "new".into());
        assert_eq!(limiter.check(address(1), TokenCheck::Valid(&old), now), Ok(()));
        for mark in 0..10 {
            let _ = limiter.check(address(1), TokenCheck::Invalid(mark), now);
        }
        assert_eq!(limiter.check(address(1), TokenCheck::Valid(&old), now), Ok(()));
        assert!(limiter.check(address(1), TokenCheck::Valid(&new), now).is_err());
        assert_eq!(limiter.check(address(2), TokenCheck::Valid(&new), now), Ok(()));
    }

    #[test]
    fn guesses_from_many_addresses_are_slowed_down_together_and_lock_nobody_out() {
        let now = Instant::now();
        let limiter = LoginRateLimiter::new(10, 50, now);
        let refused = (0..100)
            .filter(|number| limiter.check(address(*number), TokenCheck::Invalid(1), now).is_err())
            .count();
        assert_eq!(refused, 50);
        let key = "key".into();
        assert_eq!(limiter.check(address(1_000), TokenCheck::Valid(&key), now), Ok(()));
    }

    #[test]
    fn the_same_wrong_token_again_weighs_less() {
        let now = Instant::now();
        let limiter = LoginRateLimiter::new(10, 1_000, now);
        let same = (0..1_000).take_while(|_| limiter.check(address(1), TokenCheck::Invalid(7), now).is_ok());
        let same = same.count();
        assert!((75..=95).contains(&same), "{same}");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let now = Instant::now();
        let limiter = LoginRateLimiter::new(10, 1_000, now);
        for number in 0..10_000_u32 {
            for mark in 0..3 {
                let _ = limiter.check(
                    address(number),
                    TokenCheck::Invalid(mark),
                    now + Duration::from_millis(number.into()),
                );
            }
            let key = number.to_string().into();
            let _ = limiter.check(
                address(1),
                TokenCheck::Valid(&key),
                now + Duration::from_millis(number.into()),
            );
        }
        let state = limiter.state();
        assert_eq!(state.addresses.len(), ADDRESSES);
        assert!(
            state
                .addresses
                .values()
                .all(|known| known.valid.len() <= REMEMBERED && known.invalid.len() <= REMEMBERED)
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
