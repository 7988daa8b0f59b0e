use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use berth_oci::Hasher;
use berth_registry::cache::{Spool, SpoolError};
use futures_util::future::join;
use tokio::time::Instant;
use tracing::{info, warn};

use super::download::Download;
use super::{Fill, FillError, Fills, Kept, Stage, Wanted};

/// Pieces are written together if they come within this time.
const LINGER: Duration = Duration::from_millis(10);
/// How often a blob is begun anew because what came was wrong.
const STARTS: usize = 3;
/// A download that nobody reads goes on if so little is left.
const WORTH_FINISHING: u64 = 256 * 1024 * 1024;
/// Otherwise it is given up after so long; what has come is kept for who asks next.
const UNREAD_FOR: Duration = Duration::from_secs(30);

/// How a try to fill ended, if not with the blob.
enum Ended {
    /// The bytes are not the blob's.
    Wrong(FillError),
    /// There is no space for what comes behind this many bytes.
    Full {
        spooled: u64,
        hasher: Hasher,
    },
    Failed(FillError),
}

impl<E: Into<FillError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Sees to it that a fill that has ended, however it did, is joined by nobody.
struct Leaving<'f> {
    fills: &'f Fills,
    fill: &'f Arc<Fill>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.fills.leave(self.fill);
    }
}

impl Fills {
    pub(super) async fn run(self: Arc<Self>, fill: Arc<Fill>) {
        let leaving = Leaving {
            fills: &self,
            fill: &fill,
        };
        let ended = tokio::select! {
            ended = self.fill(&fill) => ended,
            () = self.stopping.cancelled() => Err(Ended::Failed(FillError::Stopping)),
        };
        drop(leaving);
        match ended {
            Ok(()) => {}
            Err(Ended::Failed(error) | Ended::Wrong(error)) => {
                let digest = &fill.wanted.digest;
                info!(digest = %digest, error = &error as &dyn std::error::Error, "could not fetch blob {digest}");
                fill.stage.send_replace(Stage::Failed(error));
            }
            Err(Ended::Full { spooled, hasher }) => fill.leave_alone(spooled, hasher),
        }
    }

    /// From here on, who asks for the blob begins anew or finds it stored.
    fn leave(&self, fill: &Arc<Fill>) {
        let mut under_way = self.lock();
        if under_way
            .get(&fill.wanted.digest)
            .is_some_and(|current| Arc::ptr_eq(current, fill))
        {
            under_way.remove(&fill.wanted.digest);
        }
    }

    /// As [`Fills::leave`], unless somebody has come meanwhile.
    fn leave_unread(&self, fill: &Fill) -> bool {
        let mut under_way = self.lock();
        let unread = fill.readers.load(Ordering::Acquire) == 0;
        if unread {
            under_way.remove(&fill.wanted.digest);
        }
        unread
    }

    async fn fill(&self, fill: &Arc<Fill>) -> Result<(), Ended> {
        let permits = &fill.wanted.remote.fills;
        let _permit = permits.acquire().await.expect("it is never closed");
        if self.registry.has_blob(&fill.wanted.digest).await? {
            return Err(Ended::Failed(FillError::Stored));
        }
        let mut start = 1;
        loop {
            match self.try_fill(fill).await {
                Err(Ended::Wrong(error)) if start < STARTS && unseen(fill) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "fetching a blob again"
                    );
                    start += 1;
                }
                ended => return ended,
            }
        }
    }

    async fn try_fill(&self, fill: &Arc<Fill>) -> Result<(), Ended> {
        let wanted = &fill.wanted;
        let spool = self.registry.open_spool(&wanted.digest, wanted.size_bytes);
        let mut spool = match spool.await {
            Ok(spool) => spool,
            Err(error) if error.full() => return Err(no_space(wanted)),
            Err(error) => return Err(error.into()),
        };
        let mut download = Download::new(wanted, spool.written()..wanted.size_bytes);
        if let Err(error) = download.open().await {
            spool.leave().await?;
            return Err(error.into());
        }
        // Only now: nothing goes for what the upstream does not have.
        let room = match self.registry.make_room(wanted.size_bytes).await {
            Err(error) if error.full() => None,
            room => room?,
        };
        if room.is_none() {
            spool.discard().await?;
            return Err(no_space(wanted));
        }
        match self.receive(fill, &mut download, &mut spool).await {
            Ok(()) => {}
            Err(Ended::Full { spooled, hasher }) => {
                self.leave(fill);
                fill.leave_alone(spooled, hasher);
                // What has come takes space, and nobody goes on with it.
                fill.unread().await;
                spool.discard().await?;
                return Ok(());
            }
            Err(ended) => {
                spool.leave().await?;
                return Err(ended);
            }
        }
        if let Err(source) = spool.prove() {
            let error = blame(wanted, &download, &spool, source);
            if !unseen(fill) {
                // Before its bytes go: a reader that misses them may be back at once, and has to
                // find another download than this one.
                self.leave(fill);
                fill.stage.send_replace(Stage::Failed(error.clone()));
            }
            spool.discard().await?;
            return Err(Ended::Wrong(error));
        }
        let reader = spool.reader();
        let proved = |kept| {
            let spool = reader.clone();
            fill.stage.send_replace(Stage::Proved { spool, kept });
        };
        proved(Kept::NotYet);
        let repositories = fill.repositories().iter().cloned().collect();
        match spool.commit(repositories).await {
            Ok(()) => proved(Kept::Yes),
            Err(error) => {
                // The readers have what they came for, and the next one fetches it again.
                warn!(digest = %wanted.digest, error = &error as &dyn std::error::Error, "could not keep blob {}", wanted.digest);
                proved(Kept::No);
            }
        }
        Ok(())
    }

    /// Writes what comes, a batch while the next one is received.
    async fn receive(
        &self,
        fill: &Fill,
        download: &mut Download,
        spool: &mut Spool,
    ) -> Result<(), Ended> {
        let mut unread = Unread::default();
        fill.flows(spool);
        let mut next = download.batch(Duration::ZERO).await?;
        while let Some(batch) = next {
            let before = (spool.written(), spool.hasher().clone());
            let append = async {
                spool.append(batch).await?;
                // At once: what comes next may take its time.
                fill.flows(spool);
                Ok::<_, SpoolError>(())
            };
            let (received, appended) = join(download.batch(LINGER), append).await;
            if let Err(error) = appended {
                return Err(out_of_space(error, before));
            }
            if unread.given_up(fill, spool.written()) && self.leave_unread(fill) {
                return Err(Ended::Failed(FillError::Abandoned));
            }
            next = received?;
        }
        Ok(())
    }
}

/// Wrong bytes: the upstream that gave the last of them is asked last for a while. Of what an earlier
/// run has left nobody knows whose it is.
fn blame(wanted: &Wanted, download: &Download, spool: &Spool, source: SpoolError) -> FillError {
    let upstream = download.upstream();
    if !spool.inherited() {
        wanted.remote.distrust(&wanted.digest, upstream);
    }
    let error = FillError::Wrong {
        upstream: upstream.settings().name.to_string(),
        expected: wanted.digest.clone(),
        source,
    };
    warn!(error = &error as &dyn std::error::Error, "{error}");
    error
}

/// Before anything has come.
fn no_space(wanted: &Wanted) -> Ended {
    Ended::Full {
        spooled: 0,
        hasher: Hasher::new(wanted.digest.algorithm()),
    }
}

fn out_of_space(error: SpoolError, (spooled, hasher): (u64, Hasher)) -> Ended {
    if error.full() {
        Ended::Full { spooled, hasher }
    } else {
        error.into()
    }
}

impl Fill {
    fn flows(&self, spool: &Spool) {
        self.stage.send_replace(Stage::Flowing {
            readable: self.readable(spool.written()),
            spool: spool.reader(),
        });
    }
}

/// Whether no reader has been given anything.
fn unseen(fill: &Fill) -> bool {
    match &*fill.stage.borrow() {
        Stage::Opening => true,
        Stage::Flowing { readable, .. } => *readable == 0,
        Stage::Proved { .. } | Stage::Alone { .. } | Stage::Failed(_) => false,
    }
}

/// Since when nobody reads.
#[derive(Default)]
struct Unread(Option<Instant>);

impl Unread {
    /// Whether a fill that has come so far is wanted by nobody any more.
    fn given_up(&mut self, fill: &Fill, written: u64) -> bool {
        let left = fill.size() - written;
        let worth = left <= WORTH_FINISHING || written > fill.size() / 4;
        if worth || fill.readers.load(Ordering::Acquire) > 0 {
            self.0 = None;
            return false;
        }
        let since = self.0.get_or_insert_with(Instant::now);
        since.elapsed() > UNREAD_FOR
    }
}
