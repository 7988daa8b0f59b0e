//! Slows the guessing of passwords, for an account and for an address.
//!
//! - The first guess of an address at an account is not held up, so that a stranger who guesses
//!   can neither lock an account nor everybody behind one address out. Only when hundreds of
//!   names come from one address do new ones wait for a second or two.
//! - After [`FREE`] wrong guesses an address waits longer and longer for its next one at the same
//!   account.
//! - All wrong guesses at an account, and all of an address, fill a measure that empties slowly;
//!   while it is full, only first guesses pass, and those from where the account has signed in
//!   before.
//! - An address has a few guesses under way at a time, so that it can not fill the queue in which
//!   everybody waits for a password to be hashed.
//! - A password that was right a moment ago does not come here at all, and neither do tokens and
//!   robots: their secrets can not be guessed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::clock::Timestamp;
use crate::known;

const FREE: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// Wrong guesses are forgotten after so long without one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Where an account has signed in is remembered for so long.
const TRUSTED_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const ENTRIES: usize = 100_000;

/// How many wrong guesses fit, and how long it takes until one more does.
struct Measure {
    size: i64,
    each: Duration,
}

const OF_ACCOUNT: Measure = Measure {
    size: 50,
    each: Duration::from_secs(10),
};
const OF_ADDRESS: Measure = Measure {
    size: 100,
    each: Duration::from_secs(1),
};

/// For first guesses at accounts, made-up ones among them.
const OF_FIRST_GUESSES: Measure = Measure {
    size: 500,
    each: Duration::from_secs(1),
};
/// Guesses of one address at one time.
const UNDER_WAY: u32 = 16;

pub(crate) struct Throttle {
    pairs: Cache<(String, Address), Failures>,
    accounts: Cache<String, Level>,
    addresses: Cache<Address, Level>,
    /// When it last was right.
    trusted: Cache<(String, Address), Timestamp>,
    under_way: Mutex<HashMap<Address, u32>>,
}

/// A guess that is being compared, until this is dropped.
pub(crate) struct Guess<'t> {
    throttle: &'t Throttle,
    address: Address,
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        let mut under_way = self.throttle.under_way();
        if let Some(count) = under_way.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.address);
            }
        }
    }
}

type Failures = Arc<Mutex<(u32, Timestamp)>>;
/// When the measure will be empty.
type Level = Arc<Mutex<Timestamp>>;

/// An address of one customer: IPv6 is given out in networks of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Address(IpAddr);

impl Address {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Self(IpAddr::V6(network.into()))
            }
            IpAddr::V4(_) => Self(address),
        }
    }
}

/// The guess has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong passwords: try again in {} s", .0.as_secs().max(1))]
pub(crate) struct Throttled(pub(crate) Duration);

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            pairs: Cache::new(ENTRIES),
            accounts: Cache::new(ENTRIES),
            addresses: Cache::new(ENTRIES),
            trusted: Cache::new(ENTRIES),
            under_way: Mutex::default(),
        }
    }

    /// Whether a password may be compared now.
    pub(crate) fn begin(
        &self,
        account: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Guess<'_>, Throttled> {
        self.check(account, address, now)?;
        let address = Address::of(address);
        let mut under_way = self.under_way();
        let count = under_way.entry(address).or_default();
        if *count >= UNDER_WAY {
            return Err(Throttled(Duration::from_secs(1)));
        }
        *count += 1;
        drop(under_way);
        // It counts as wrong until it is known to be right, or many at once would all be free.
        let pair = (account.to_owned(), address);
        let failures = known::or_made(&self.pairs, &pair, || Arc::new(Mutex::new((0, now))));
        let mut failures = failures.lock().expect("nothing panics while it holds this");
        let before = if forgotten(failures.1, now) {
            0
        } else {
            failures.0
        };
        *failures = (before.saturating_add(1), now);
        Ok(Guess {
            throttle: self,
            address,
        })
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Address, u32>> {
        self.under_way
            .lock()
            .expect("nothing panics while it holds the map")
    }

    fn check(&self, account: &str, address: IpAddr, now: Timestamp) -> Result<(), Throttled> {
        let pair = (account.to_owned(), Address::of(address));
        let trusted = self
            .trusted
            .get(&pair)
            .is_some_and(|at| now.since(at) < TRUSTED_FOR);
        let level = |level: Option<Level>| {
            level.map(|at| *at.lock().expect("nothing panics while it holds this"))
        };
        let of_address = level(self.addresses.get(&pair.1));
        let failures = self
            .pairs
            .get(&pair)
            .map(|failures| *failures.lock().expect("nothing panics while it holds this"));
        let Some((count, last_at)) = failures.filter(|&(_, at)| !forgotten(at, now)) else {
            return if trusted {
                Ok(())
            } else {
                OF_FIRST_GUESSES.check(of_address, now)
            };
        };
        wait_until(last_at.plus(pause_after(count)), now)?;
        if trusted {
            return Ok(());
        }
        OF_ACCOUNT.check(level(self.accounts.get(account)), now)?;
        OF_ADDRESS.check(of_address, now)
    }

    /// What a guess that has begun came to.
    pub(crate) fn failed(&self, account: &str, address: IpAddr, now: Timestamp) {
        let address = Address::of(address);
        let empty = || Arc::new(Mutex::new(now));
        OF_ACCOUNT.add(&known::or_made(&self.accounts, account, empty), now);
        OF_ADDRESS.add(&known::or_made(&self.addresses, &address, empty), now);
    }

    pub(crate) fn succeeded(&self, account: &str, address: IpAddr, now: Timestamp) {
        let pair = (account.to_owned(), Address::of(address));
        self.pairs.remove(&pair);
        self.trusted.insert(pair, now);
    }
}

impl Measure {
    fn check(&self, empty_at: Option<Timestamp>, now: Timestamp) -> Result<(), Throttled> {
        let full = i64::try_from(self.each.as_millis()).unwrap_or(i64::MAX) * (self.size - 1);
        // What lies further ahead than it is ever filled is from before the clock was set back.
        match empty_at.filter(|&at| at <= now.plus(FORGOTTEN_AFTER)) {
            Some(Timestamp(at)) => wait_until(Timestamp(at - full), now),
            None => Ok(()),
        }
    }

    fn add(&self, level: &Level, now: Timestamp) {
        let mut empty_at = level.lock().expect("nothing panics while it holds this");
        let fuller = (*empty_at).max(now).plus(self.each);
        *empty_at = fuller.min(now.plus(FORGOTTEN_AFTER));
    }
}

fn forgotten(last_at: Timestamp, now: Timestamp) -> bool {
    // What lies ahead is from before the clock was set back.
    last_at > now || now.since(last_at) >= FORGOTTEN_AFTER
}

fn pause_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(more) => Duration::from_secs(1 << more.min(10)).min(LONGEST_WAIT),
    }
}

fn wait_until(time: Timestamp, now: Timestamp) -> Result<(), Throttled> {
    match u64::try_from(time.0 - now.0) {
        Ok(millis) if millis > 0 => Err(Throttled(Duration::from_millis(millis))),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn stranger(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    fn guess(throttle: &Throttle, account: &str, address: IpAddr, now: Timestamp) -> bool {
        let allowed = throttle.begin(account, address, now).is_ok();
        if allowed {
            throttle.failed(account, address, now);
        }
        allowed
    }

    #[test]
    fn guesses_of_one_address_at_one_account_wait_longer_and_longer() {
        let throttle = Throttle::new();
        for _ in 0..FREE {
            assert!(guess(&throttle, "alice", HOME, NOW));
        }
        assert_eq!(
            throttle.check("alice", HOME, NOW),
            Err(Throttled(Duration::from_secs(1)))
        );
        // As fast as it is let, for a day.
        let day = 24 * 60 * 60;
        let guesses = (0..day)
            .filter(|second| {
                guess(
                    &throttle,
                    "alice",
                    HOME,
                    NOW.plus(Duration::from_secs(*second)),
                )
            })
            .count();
        assert!(guesses < 310, "{guesses} guesses in a day");
    }

    #[test]
    fn a_stranger_does_not_lock_an_account_out() {
        let throttle = Throttle::new();
        throttle.succeeded("alice", HOME, NOW);
        for number in 0..200 {
            for _ in 0..FREE {
                guess(&throttle, "alice", stranger(number), NOW);
            }
        }
        assert!(throttle.check("alice", stranger(0), NOW).is_err());
        assert!(throttle.check("alice", HOME, NOW).is_ok());
        guess(&throttle, "alice", HOME, NOW);
        assert!(
            throttle.check("alice", HOME, NOW).is_ok(),
            "she mistyped once"
        );
        assert!(
            throttle.check("alice", stranger(999), NOW).is_ok(),
            "her new laptop"
        );
    }

    #[test]
    fn a_stranger_does_not_stop_everybody_behind_the_same_address() {
        let throttle = Throttle::new();
        throttle.succeeded("ann", HOME, NOW);
        for number in 0..400 {
            guess(&throttle, &format!("user{number}"), HOME, NOW);
        }
        assert!(throttle.check("user7", HOME, NOW).is_err());
        assert!(throttle.check("bob", HOME, NOW).is_ok());
        for number in 400..10_000 {
            guess(&throttle, &format!("user{number}"), HOME, NOW);
        }
        assert!(throttle.check("ann", HOME, NOW).is_ok());
        let wait = throttle.check("bob", HOME, NOW).unwrap_err().0;
        assert!(wait <= Duration::from_secs(2), "{wait:?}");
        let soon = NOW.plus(wait);
        assert!(throttle.check("bob", HOME, soon).is_ok());
    }

    #[test]
    fn an_hour_without_a_wrong_guess_makes_up_for_all_before() {
        let throttle = Throttle::new();
        for number in 0..10_000 {
            guess(&throttle, "alice", stranger(number), NOW);
        }
        assert!(throttle.check("alice", stranger(1), NOW).is_err());
        let later = NOW.plus(FORGOTTEN_AFTER);
        for address in [HOME, stranger(1)] {
            for _ in 0..FREE {
                assert!(guess(&throttle, "alice", address, later));
            }
            assert!(throttle.check("alice", address, later).is_err());
        }
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_up() {
        let throttle = Throttle::new();
        for _ in 0..FREE {
            guess(&throttle, "alice", HOME, NOW);
        }
        let before = NOW.minus(Duration::from_secs(24 * 60 * 60));
        assert!(throttle.check("alice", HOME, before).is_ok());
    }

    #[test]
    fn where_an_account_has_signed_in_is_forgotten_after_a_month() {
        let throttle = Throttle::new();
        throttle.succeeded("alice", HOME, NOW);
        let at = |days: u64| NOW.plus(Duration::from_secs(days * 24 * 60 * 60));
        let many = |now| {
            for number in 0..200 {
                guess(&throttle, "alice", stranger(number), now);
            }
            guess(&throttle, "alice", HOME, now);
            throttle.check("alice", HOME, now).is_ok()
        };
        assert!(many(at(29)));
        assert!(!many(at(30)));
    }

    #[test]
    fn an_address_has_a_few_guesses_under_way() {
        let throttle = Throttle::new();
        let mut guesses: Vec<_> = (0..UNDER_WAY)
            .map(|number| throttle.begin(&format!("user{number}"), HOME, NOW).unwrap())
            .collect();
        assert!(throttle.begin("alice", HOME, NOW).is_err());
        assert!(throttle.begin("alice", stranger(1), NOW).is_ok());
        guesses.pop();
        assert!(throttle.begin("alice", HOME, NOW).is_ok());
        drop(guesses);
        assert!(throttle.under_way().is_empty());
    }

    #[test]
    fn many_addresses_share_the_measure_of_an_account() {
        let throttle = Throttle::new();
        let guesses = (0..100)
            .flat_map(|number| [number; 4])
            .filter(|&number| guess(&throttle, "alice", stranger(number), NOW))
            .count();
        assert!(guesses < 150, "{guesses} guesses of 400");
    }

    #[test]
    fn neighbours_in_a_network_of_ipv6_are_one() {
        let one = "2001:db8::1".parse().unwrap();
        let two = "2001:db8::2".parse().unwrap();
        let other = "2001:db8:0:1::1".parse().unwrap();
        let throttle = Throttle::new();
        for _ in 0..FREE {
            guess(&throttle, "alice", one, NOW);
        }
        assert!(throttle.check("alice", two, NOW).is_err());
        assert!(throttle.check("alice", other, NOW).is_ok());
    }
}
