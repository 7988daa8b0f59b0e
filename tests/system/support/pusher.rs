use reqwest::{RequestBuilder, Response, StatusCode};

use super::{Blob, Image, OCI_MANIFEST, Record, TestServer, random_bytes};

/// The ways in which clients push a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One POST with the whole body.
    Single,
    /// POST, then PUT with the whole body: containerd.
    Put,
    /// POST, one PATCH, an empty PUT: podman, crane, docker.
    Patch,
    /// POST, PATCHes with `Content-Range`, the last chunk in the PUT: regctl.
    Chunks,
}

impl Shape {
    pub const ALL: [Self; 4] = [Self::Single, Self::Put, Self::Patch, Self::Chunks];
}

/// A client that notes in a [`Record`] what it asked for and what was acknowledged.
///
/// Its methods give `None` once the server is gone, and panic when it refuses something.
pub struct Pusher<'a> {
    pub server: &'a TestServer,
    pub record: &'a Record,
    pub repository: String,
}

impl Pusher<'_> {
    fn blob_path(&self, blob: &Blob) -> String {
        format!("/v2/{}/blobs/{}", self.repository, blob.digest)
    }

    fn manifest_path(&self, reference: &str) -> String {
        format!("/v2/{}/manifests/{reference}", self.repository)
    }

    pub async fn blob(&self, blob: &Blob, shape: Shape) -> Option<()> {
        let path = self.blob_path(blob);
        let uploads = format!("/v2/{}/blobs/uploads/", self.repository);
        if shape == Shape::Single {
            self.record.may_become(&path, Some(&blob.digest));
            let request = self
                .server
                .post(&format!("{uploads}?digest={}", blob.digest));
            answer(request.body(blob.bytes.clone()), StatusCode::CREATED).await?;
            self.record.became(&path, Some(&blob.digest));
            return Some(());
        }
        let started = answer(self.server.post(&uploads), StatusCode::ACCEPTED).await?;
        let location = started.headers()["location"].to_str().expect("a path");
        self.record.started(location, &path, blob);
        let patched = match shape {
            Shape::Patch => blob.bytes.len(),
            Shape::Chunks => blob.bytes.len() / 3 * 2,
            Shape::Single | Shape::Put => 0,
        };
        if shape == Shape::Chunks {
            self.patch(location, blob, 0, patched / 2).await?;
            self.patch(location, blob, patched / 2, patched).await?;
        } else if patched > 0 {
            self.patch(location, blob, 0, patched).await?;
        }
        self.close(location, blob, patched).await
    }

    pub async fn patch(&self, location: &str, blob: &Blob, from: usize, to: usize) -> Option<()> {
        if from == to {
            return Some(());
        }
        self.record.may_reach(location, to);
        let request = self
            .server
            .patch(location)
            .header("content-range", format!("{from}-{}", to - 1))
            .body(blob.bytes[from..to].to_vec());
        answer(request, StatusCode::ACCEPTED).await?;
        self.record.reached(location, to);
        Some(())
    }

    /// The closing PUT with what is left.
    pub async fn close(&self, location: &str, blob: &Blob, from: usize) -> Option<()> {
        let path = self.blob_path(blob);
        self.record.may_become(&path, Some(&blob.digest));
        self.record.closing(location);
        let request = self
            .server
            .put(&format!("{location}?digest={}", blob.digest));
        answer(
            request.body(blob.bytes[from..].to_vec()),
            StatusCode::CREATED,
        )
        .await?;
        self.record.became(&path, Some(&blob.digest));
        self.record.closed(location);
        Some(())
    }

    /// The image's blobs and its manifest, by digest or under a tag.
    pub async fn image(&self, image: &Image, tag: Option<&str>, shape: Shape) -> Option<()> {
        for blob in image.layers.iter().chain([&image.config]) {
            self.blob(blob, shape).await?;
        }
        let digest = &image.manifest.digest;
        let paths: Vec<_> = [Some(digest.as_str()), tag]
            .into_iter()
            .flatten()
            .map(|reference| self.manifest_path(reference))
            .collect();
        for path in &paths {
            self.record.may_become(path, Some(digest));
        }
        let request = self
            .server
            .put(paths.last().expect("one at least"))
            .header("content-type", OCI_MANIFEST)
            .body(image.manifest.bytes.clone());
        answer(request, StatusCode::CREATED).await?;
        for path in &paths {
            self.record.became(path, Some(digest));
        }
        Some(())
    }

    /// Deletes a tag, or a manifest with the tags on it, if it is there.
    pub async fn delete(&self, reference: &str, tags: &[String]) -> Option<()> {
        let path = self.manifest_path(reference);
        let Some(digest) = self.record.known(&path) else {
            return Some(());
        };
        let by_digest = reference == digest;
        let tags = tags.iter().map(|tag| self.manifest_path(tag));
        let on_it = tags
            .filter(|tag| by_digest && self.record.known(tag).as_ref() == Some(&digest))
            .chain([path.clone()]);
        let gone: Vec<_> = on_it.collect();
        for path in &gone {
            self.record.may_become(path, None);
        }
        answer(self.server.delete(&path), StatusCode::ACCEPTED).await?;
        for path in &gone {
            self.record.became(path, None);
        }
        Some(())
    }
}

/// The answer, or `None` when the server was killed before its head came.
async fn answer(request: RequestBuilder, expected: StatusCode) -> Option<Response> {
    let answer = request.send().await.ok()?;
    let (status, url) = (answer.status(), answer.url().clone());
    if status != expected {
        let text = answer.text().await;
        panic!("{url} was answered {status}, not {expected}: {text:?}");
    }
    Some(answer)
}

/// A source of choices that a seed decides.
pub struct Random {
    seed: u64,
    taken: u64,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { seed, taken: 0 }
    }

    pub fn word(&mut self) -> u64 {
        self.taken += 1;
        let seed = self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ self.taken;
        let bytes = random_bytes(seed, 8);
        u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.word() % limit as u64).expect("less than a usize")
    }
}
