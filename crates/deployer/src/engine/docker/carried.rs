//! Files that Compose wrote into a container.
//!
//! `configs` and `secrets` with a `content` or an `environment` are in no mount: Compose writes them
//! into the container between making and starting it, and nothing says so afterwards. They are told
//! by their time. What Berth has carried over once is listed in a label, since in the new container
//! they are older than it is.

use berth_registry::sentence;
use bollard::query_parameters::{
    ContainerArchiveInfoOptions, DownloadFromContainerOptions, UploadToContainerOptions,
};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::connection::{Connection, SOON, WORK};
use super::container::Container;
use super::fault::{Fault, found};
use super::{labels, tar};

/// A container that has written more files than this into itself is refused: telling which of them
/// are Compose's would take too long.
const MOST_WRITTEN: usize = 5000;
const MOST_CARRIED: usize = 64;
/// Of all of them. Compose reads such content from its own file.
const MOST_BYTES: u64 = 4 << 20;
const AT_ONCE: usize = 8;

/// A file in the writable layer of a container.
#[derive(Debug)]
struct Written {
    path: String,
    /// Whether its image has no file there.
    added: bool,
    bytes: u64,
    /// As Go writes it (`os.FileMode`): the type in the upper bits.
    mode: u32,
    changed_at: DateTime<Utc>,
}

impl Written {
    /// `os.ModeType`: folders, links, devices, pipes, sockets, and what else is no file.
    const NO_FILE: u32 = 0x8f28_0000;

    fn is_file(&self) -> bool {
        self.mode & Self::NO_FILE == 0
    }
}

/// The paths of what Compose wrote, or why it can not be told.
pub(super) async fn written_by_compose(
    engine: &Connection,
    old: &Container,
) -> Result<Result<Vec<String>, String>, Fault> {
    if let Some(list) = old.label(labels::CARRIED) {
        let paths = serde_json::from_str(list);
        return Ok(
            paths.map_err(|_| sentence!("its label {} is no list of paths", labels::CARRIED))
        );
    }
    if old.label(labels::PROJECT).is_none() {
        return Ok(Ok(Vec::new()));
    }
    let paths = changed(engine, old).await?;
    if paths.len() > MOST_WRITTEN {
        return Ok(Err(sentence!(
            "{} has written {} files outside of its volumes, too many to tell those that Compose put there; \
             let it write to a volume, or make it anew with `docker compose up -d --force-recreate`",
            old.name(),
            paths.len()
        )));
    }
    let written: Vec<Option<Written>> = stream::iter(paths)
        .map(|(path, added)| look_at(engine, &old.id, path, added))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let written: Vec<Written> = written.into_iter().flatten().collect();
    Ok(select(old, &written))
}

/// What was added or changed outside of mounts, and which of the two: Compose may write over a file
/// of the image.
async fn changed(engine: &Connection, old: &Container) -> Result<Vec<(String, bool)>, Fault> {
    const ADDED: i32 = 1;
    const DELETED: i32 = 2;
    let id = old.id.clone();
    let what = sentence!("tell what {} has written", old.name());
    let changes = engine
        .ask(&what, WORK, |client| async move {
            client.container_changes(&id).await
        })
        .await?;
    let outside = |path: &str| {
        !old.mounts.iter().any(|mount| {
            let rest = path.strip_prefix(mount.destination.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let changes = changes.unwrap_or_default().into_iter();
    let mut paths: Vec<(String, bool)> = changes
        .filter(|change| change.kind as i32 != DELETED && outside(&change.path))
        .map(|change| (change.path, change.kind as i32 == ADDED))
        .collect();
    // A folder is listed because of what is in it.
    paths.sort();
    let folders: Vec<bool> = paths
        .iter()
        .zip(paths.iter().skip(1))
        .map(|((path, _), (next, _))| {
            next.strip_prefix(path.as_str())
                .is_some_and(|it| it.starts_with('/'))
        })
        .collect();
    let mut folders = folders.into_iter().chain([false]);
    paths.retain(|_| !folders.next().unwrap_or(false));
    Ok(paths)
}

async fn look_at(
    engine: &Connection,
    id: &str,
    path: String,
    added: bool,
) -> Result<Option<Written>, Fault> {
    let options = ContainerArchiveInfoOptions { path: path.clone() };
    let what = sentence!("look at {path}");
    let answer = engine
        .ask(&what, SOON, |client| async move {
            client.get_container_archive_info(id, Some(options)).await
        })
        .await;
    // A file that a running container has removed by now was no config.
    Ok(found(answer)?.and_then(|stat| {
        let changed_at = DateTime::parse_from_rfc3339(&stat.modification_time?).ok()?;
        Some(Written {
            path,
            added,
            bytes: stat.size.unsigned_abs(),
            mode: stat.file_mode,
            changed_at: changed_at.to_utc(),
        })
    }))
}

/// Compose's files are written after the container was made and before it was started. It sends them
/// as a tar archive, whose times are rounded to the nearest second: that tells them from what the
/// container has written itself when it was started again and its first start is not known. Nor may
/// it have written what it may not write to, as is the default of Compose. The times come from the
/// clock of whoever ran Compose: what no image has and nobody may write to is Compose's even where it
/// is older than the container.
fn select(old: &Container, written: &[Written]) -> Result<Vec<String>, String> {
    let made = old.created.duration_trunc(TimeDelta::seconds(1));
    let made = made.unwrap_or(old.created);
    let was_started = old.state.started_at.timestamp() > 0;
    let rounded = |it: &Written| it.changed_at.timestamp_subsec_nanos() == 0;
    let early = |it: &Written| {
        let rounding = match rounded(it) {
            true => TimeDelta::milliseconds(500),
            false => TimeDelta::zero(),
        };
        let started = old.state.started_at + rounding;
        it.changed_at >= made && (!was_started || it.changed_at <= started)
    };
    let fixed = |it: &Written| it.mode & 0o222 == 0;
    let secret = |it: &Written| it.path.starts_with("/run/secrets/");
    let chosen: Vec<&Written> = written
        .iter()
        .filter(|it| it.is_file())
        .filter(|it| {
            let behind = it.added && fixed(it) && it.changed_at < made;
            let in_time = early(it) && (old.never_ended() || fixed(it) || rounded(it));
            secret(it) || behind || in_time
        })
        .collect();
    let bytes: u64 = chosen.iter().map(|it| it.bytes).sum();
    if chosen.len() > MOST_CARRIED || bytes > MOST_BYTES {
        return Err(sentence!(
            "{} files with {bytes} bytes were written into {} before it was started, too much to carry over; \
             mount them from files instead",
            chosen.len(),
            old.name()
        ));
    }
    if let Some(long) = chosen.iter().find(|it| !tar::fits(&it.path)) {
        return Err(sentence!(
            "the path {} is too long to carry the file over",
            long.path
        ));
    }
    let mut paths: Vec<String> = chosen.iter().map(|it| it.path.clone()).collect();
    paths.sort();
    Ok(paths)
}

/// Copies files from one container into another, with owner, mode and time.
pub(super) async fn carry(
    engine: &Connection,
    from: &str,
    to: &str,
    paths: &[String],
) -> Result<(), Fault> {
    for path in paths {
        let what = sentence!("read {path}");
        let options = DownloadFromContainerOptions { path: path.clone() };
        let archive: Vec<u8> = engine
            .ask(&what, WORK, |client| async move {
                let parts = client.download_from_container(from, Some(options));
                parts
                    .try_fold(Vec::new(), |mut all, part| async move {
                        // Whoever sends more than was measured gets a file that can not be read.
                        if (all.len() + part.len()) as u64 <= MOST_BYTES + (1 << 20) {
                            all.extend_from_slice(&part);
                        }
                        Ok(all)
                    })
                    .await
            })
            .await?;
        let unreadable = || Fault::Refused(sentence!("{path} can not be read"));
        let file = tar::first_file(&archive).ok_or_else(unreadable)?;
        let archive = tar::with(path, &file).ok_or_else(unreadable)?;
        let options = UploadToContainerOptions {
            path: "/".to_owned(),
            ..Default::default()
        };
        let what = sentence!("write {path}");
        engine
            .ask(&what, WORK, |client| async move {
                let body = bollard::body_full(archive.into());
                client.upload_to_container(to, Some(options), body).await
            })
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
