use berth_oci::Edge;

use super::destination::Opened;
use super::failure::{Failure, told};
use super::image::{Copying, lock};
use super::report::Came;
use super::source::SourceError;
use super::upload::{Upload, UploadError};

impl Copying<'_> {
    /// Sees to it that the repository has a blob at the destination, which is asked each time.
    pub(super) async fn blob(&self, edge: &Edge) -> Result<Came, Failure> {
        let digest = &edge.digest;
        let home = self.copier.home(digest);
        let mut home = home.lock().await;
        let permit = self.copier.transfers.acquire().await;
        let _permit = permit.expect("it is never closed");
        let into = &self.place.destination;
        let destination = &self.copier.destination;
        let came = if destination.has_blob(into, digest).await? {
            Came::There
        } else {
            match destination.open(into, digest, home.as_ref()).await? {
                Opened::Mounted => Came::Mounted,
                Opened::Session(session) => {
                    let upload = Upload {
                        source: &self.copier.source,
                        destination,
                        from: &self.place.source,
                        into,
                        digest,
                        described_bytes: edge.size_bytes,
                        transfer: self.copier.progress.transfer(digest),
                    };
                    let bytes = upload.run(session).await?;
                    Came::Sent { bytes }
                }
            }
        };
        *home = Some(into.clone());
        let first = lock(&self.told).insert(digest.clone());
        if first || came != Came::There {
            self.entry.blob(came);
        }
        Ok(came)
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Source(error) => SourceError::into(error),
            UploadError::Push(error) => error.into(),
            UploadError::WrongBytes { .. } => Self::Failed(told(error)),
        }
    }
}
