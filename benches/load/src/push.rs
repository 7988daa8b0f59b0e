use super::connection::{Connection, Content};
use super::images::{Blob, Image};

/// As Docker does: HEAD, POST, PATCH and PUT for each blob, and then the manifest by its tag.
pub(super) fn image(client: &mut Connection, image: &Image) -> anyhow::Result<()> {
    for blob in &image.blobs {
        push_blob(client, blob)?;
    }
    let path = format!("manifests/{}", image.tag);
    let manifest = Content {
        media_type: Some(image.manifest.media_type),
        bytes: &image.manifest.bytes,
        ..Content::default()
    };
    client.ask(201, "PUT", &path, manifest)?;
    Ok(())
}

fn push_blob(client: &mut Connection, blob: &Blob) -> anyhow::Result<()> {
    let nothing = Content::default;
    client.ask(404, "HEAD", &format!("blobs/{}", blob.digest), nothing())?;
    let begun = client.ask(202, "POST", "blobs/uploads/", nothing())?;
    let bytes = Content {
        media_type: Some("application/octet-stream"),
        bytes: &blob.bytes,
        ..Content::default()
    };
    let patched = client.ask_at(202, "PATCH", &begun.location, bytes)?;
    let place = patched.location;
    let and = if place.contains('?') { '&' } else { '?' };
    let end = format!("{place}{and}digest={}", blob.digest);
    client.ask_at(201, "PUT", &end, nothing())?;
    Ok(())
}
