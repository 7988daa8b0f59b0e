//! Follows the table `changes`, for the caches: what one has read of the database holds until something
//! that it may depend on has changed. Changes are rare, and a wrong answer is never worth the query.
//!
//! The writer takes in what it has committed before it answers for it, so that who has changed something
//! never reads the old from a cache of this process. What other processes change is seen within
//! [`BELIEVED_FOR`].

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::changes::{self, Change, Changes};

pub(super) const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Without a look for so long nothing in a cache is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(1);
/// Repositories share so many counts: a change of one makes others be read again that need not be.
const COUNTS: usize = 1024;

pub(crate) struct Feed {
    begun: Instant,
    /// Milliseconds from `begun` to the last look that succeeded.
    looked_at: AtomicU64,
    /// Held by who takes changes in.
    taking: Mutex<()>,
    /// The last change that was seen.
    seen: watch::Sender<i64>,
    rights: AtomicU64,
    signing_keys: AtomicU64,
    content: [AtomicU64; COUNTS],
    hasher: RandomState,
}

fn begin_epoch(epoch: &AtomicU64) {
    epoch.fetch_add(1, Ordering::AcqRel);
}

/// Of `repository:tag` or `repository@digest`.
fn repository_of(place: &str) -> &str {
    place.split([':', '@']).next().unwrap_or(place)
}

/// When something was read of a repository, as far as changes of it are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentEpoch {
    /// That of its project: it may be deleted with all that is in it.
    rights: u64,
    content: u64,
}

impl Feed {
    /// Of a database of which nothing was read before this, and whose last change is `seen`.
    pub(super) fn behind(seen: i64) -> Self {
        Self {
            begun: Instant::now(),
            looked_at: AtomicU64::new(0),
            taking: Mutex::default(),
            seen: watch::Sender::new(seen),
            rights: AtomicU64::new(0),
            signing_keys: AtomicU64::new(0),
            content: [const { AtomicU64::new(0) }; COUNTS],
            hasher: RandomState::new(),
        }
    }

    /// Every change of a right begins a new epoch. `None` while the feed is lost, when caches are passed
    /// by.
    pub(crate) fn rights(&self) -> Option<u64> {
        self.followed().then(|| self.rights.load(Ordering::Acquire))
    }

    /// Every change of a tag, a manifest or a blob of the repository begins a new epoch, and some of
    /// other repositories do; `None` as for [`Feed::rights`].
    pub(crate) fn content(&self, repository: &str) -> Option<ContentEpoch> {
        self.followed().then(|| ContentEpoch {
            rights: self.rights.load(Ordering::Acquire),
            content: self.count(repository).load(Ordering::Acquire),
        })
    }

    /// Counts the changes of keys that tokens are signed with.
    pub(crate) fn signing_keys(&self) -> u64 {
        self.signing_keys.load(Ordering::Acquire)
    }

    pub(crate) fn follow(&self) -> watch::Receiver<i64> {
        self.seen.subscribe()
    }

    pub(super) fn seen(&self) -> i64 {
        *self.seen.borrow()
    }

    /// Takes in all changes that were committed at this moment, each once: when this returns, no cache
    /// contradicts them.
    pub(super) fn take_in(&self, changes: &Changes, at: Instant) {
        let _taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.seen();
        let last = match changes {
            Changes::Listed(listed) => {
                let new = listed.iter().filter(|change| change.sequence > seen);
                new.for_each(|change| self.begin_epoch_of(change));
                listed.last().map_or(seen, |change| change.sequence)
            }
            Changes::Many { last } => {
                if *last > seen {
                    begin_epoch(&self.rights);
                    begin_epoch(&self.signing_keys);
                }
                *last
            }
        };
        if last > seen {
            self.seen.send_replace(last);
        }
        let since = at.saturating_duration_since(self.begun).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.looked_at.fetch_max(since, Ordering::AcqRel);
    }

    fn begin_epoch_of(&self, change: &Change) {
        match (change.topic.as_str(), change.subject.as_str()) {
            (changes::RIGHTS, _) | (changes::BLOB, "") => begin_epoch(&self.rights),
            (changes::SIGNING_KEYS, _) => begin_epoch(&self.signing_keys),
            (changes::TAG | changes::MANIFEST, place) => {
                begin_epoch(self.count(repository_of(place)));
            }
            (changes::REPOSITORY | changes::BLOB, name) => begin_epoch(self.count(name)),
            // Who has a cache of it reads it anew by itself.
            _ => {}
        }
    }

    fn followed(&self) -> bool {
        let looked_at = Duration::from_millis(self.looked_at.load(Ordering::Acquire));
        self.begun.elapsed().saturating_sub(looked_at) < BELIEVED_FOR
    }

    fn count(&self, repository: &str) -> &AtomicU64 {
        let hash = self.hasher.hash_one(repository);
        &self.content[usize::try_from(hash % COUNTS as u64).expect("a small number")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(sequence: i64, (topic, subject): (&str, &str)) -> Changes {
        Changes::Listed(vec![Change {
            sequence,
            topic: topic.to_owned(),
            subject: subject.to_owned(),
        }])
    }

    fn none() -> Changes {
        Changes::Listed(Vec::new())
    }

    fn looked() -> Feed {
        let feed = Feed::behind(0);
        feed.take_in(&none(), Instant::now());
        feed
    }

    #[test]
    fn a_change_begins_an_epoch_of_its_repository() {
        let feed = looked();
        for (sequence, changed) in (1..).zip([
            (changes::TAG, "shop/web:1.0"),
            (changes::MANIFEST, "shop/web@sha256:00"),
            (changes::REPOSITORY, "shop/web"),
            (changes::BLOB, "shop/web"),
        ]) {
            let (before, rights) = (feed.content("shop/web"), feed.rights());
            assert_eq!(before, feed.content("shop/web"));
            feed.take_in(&change(sequence, changed), Instant::now());
            assert_ne!(before, feed.content("shop/web"), "{changed:?}");
            assert_eq!(rights, feed.rights());
        }
    }

    #[test]
    fn what_may_concern_any_repository_concerns_all() {
        let feed = looked();
        for (sequence, changed) in (1..).zip([(changes::RIGHTS, "shop"), (changes::BLOB, "")]) {
            let before = feed.content("shop/web");
            feed.take_in(&change(sequence, changed), Instant::now());
            assert_ne!(before, feed.content("shop/web"), "{changed:?}");
        }
        let before = feed.content("shop/web");
        feed.take_in(&Changes::Many { last: 5000 }, Instant::now());
        assert_ne!(before, feed.content("shop/web"));
        assert_eq!(feed.seen(), 5000);
    }

    #[test]
    fn a_change_that_two_have_read_is_taken_in_once() {
        let feed = looked();
        for (sequence, keys) in [(7, 1), (7, 1), (5, 1), (8, 2)] {
            let changed = (changes::SIGNING_KEYS, "");
            feed.take_in(&change(sequence, changed), Instant::now());
            assert_eq!(feed.signing_keys(), keys);
        }
        assert_eq!(feed.seen(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_believed_while_the_feed_is_lost() {
        let feed = looked();
        assert!(feed.rights().is_some() && feed.content("shop/web").is_some());
        tokio::time::advance(BELIEVED_FOR).await;
        assert!(feed.rights().is_none() && feed.content("shop/web").is_none());
        feed.take_in(&none(), Instant::now());
        assert!(feed.rights().is_some() && feed.content("shop/web").is_some());
    }
}
