use berth_oci::{Algorithm, Hasher, UploadId};
use berth_registry::{BlobStore as _, LocalStore, Pipe};
use bytes::Bytes;
use uuid::Uuid;

const BATCH_BYTES: usize = 1024 * 1024;
/// As much as comes from a socket at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Hashes and writes so many batches of an upload.
pub(super) fn write(count: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let store = LocalStore::open(folder.path())?;
        let staging = store.stage(UploadId::from(Uuid::nil()), 0).await?;
        let mut pipe = Pipe::new(staging, Hasher::new(Algorithm::Sha256));
        let batch = vec![Bytes::from(vec![7; PIECE_BYTES]); BATCH_BYTES / PIECE_BYTES];
        for _ in 0..count {
            pipe.push(batch.clone()).await?;
        }
        Ok(())
    })
}
