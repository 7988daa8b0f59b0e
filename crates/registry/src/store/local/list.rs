use std::fs::{self, ReadDir};
use std::io;
use std::path::PathBuf;

use berth_oci::UploadId;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use super::{Key, StoreError, blocking, io_error};
use crate::sentence;

/// Names in one part of a list.
const PART: usize = 512;

/// How far a list has come: the entries of the folder that is being read, and the next folder.
struct Place {
    blobs: PathBuf,
    next: u16,
    entries: Option<ReadDir>,
}

/// The objects below the folder of blobs.
pub(super) fn objects(blobs: PathBuf) -> BoxStream<'static, Result<Vec<Key>, StoreError>> {
    let start = Place {
        blobs,
        next: 0,
        entries: None,
    };
    stream::try_unfold(start, |mut place| async move {
        blocking(move || {
            let part = place
                .read()
                .map_err(io_error(sentence("list the objects")))?;
            Ok((!part.is_empty()).then_some((part, place)))
        })
        .await
    })
    .boxed()
}

impl Place {
    /// The next part; empty at the end.
    fn read(&mut self) -> io::Result<Vec<Key>> {
        let mut part = Vec::new();
        while part.len() < PART {
            let Some(entries) = &mut self.entries else {
                if self.next > u16::from(u8::MAX) {
                    break;
                }
                self.entries = Some(fs::read_dir(self.folder(self.next))?);
                continue;
            };
            match entries.next() {
                Some(entry) => part.extend(self.key(&entry?.file_name().to_string_lossy())),
                None => {
                    self.entries = None;
                    self.next += 1;
                }
            }
        }
        Ok(part)
    }

    fn folder(&self, part: u16) -> PathBuf {
        self.blobs.join(name(part))
    }

    /// `None` for the file of somebody else.
    fn key(&self, file: &str) -> Option<Key> {
        file.parse::<UploadId>().ok()?;
        let part = name(self.next);
        file.starts_with(&part)
            .then(|| Key(format!("blobs/{part}/{file}")))
    }
}

fn name(part: u16) -> String {
    format!("{part:02x}")
}
