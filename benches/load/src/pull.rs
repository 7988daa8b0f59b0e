use anyhow::ensure;

use super::connection::{Connection, Content};
use super::images::Image;

/// As containerd does: HEAD by the tag, the manifest by its digest, and then its blobs.
pub(super) fn image(client: &mut Connection, image: &Image) -> anyhow::Result<()> {
    let manifest = &image.manifest;
    let accepted = || Content {
        accept: Some(manifest.media_type),
        ..Content::default()
    };
    client.ask(200, "HEAD", &format!("manifests/{}", image.tag), accepted())?;
    let path = format!("manifests/{}", manifest.digest);
    let came = client.ask(200, "GET", &path, accepted())?;
    ensure!(came.bytes == manifest.bytes, "another manifest came");
    for blob in &image.blobs {
        let path = format!("blobs/{}", blob.digest);
        let came = client.ask(200, "GET", &path, Content::default())?;
        ensure!(came.bytes == blob.bytes, "another blob came");
    }
    Ok(())
}
