use std::ops::Range;

use reqwest::{RequestBuilder, Response};

use super::Blob;

/// A blob on its way to a client, compared as it comes, so that no client holds it.
pub struct Download<'b> {
    answer: Response,
    expected: &'b [u8],
    at: usize,
}

impl<'b> Download<'b> {
    /// The whole blob.
    pub async fn begin(request: RequestBuilder, blob: &'b Blob) -> Self {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{answer:?}");
        let digest = answer.headers().get("docker-content-digest");
        let digest = digest.unwrap_or_else(|| panic!("no digest in {answer:?}"));
        assert_eq!(*digest, *blob.digest, "{answer:?}");
        Self::of(answer, &blob.bytes)
    }

    /// The bytes of this range, asked for by `Range: {text}`.
    pub async fn begin_range(
        request: RequestBuilder,
        text: &str,
        blob: &'b Blob,
        range: Range<usize>,
    ) -> Self {
        let answer = request.header("range", text).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 206, "{text}: {answer:?}");
        let (first, last, size) = (range.start, range.end - 1, blob.bytes.len());
        let expected = format!("bytes {first}-{last}/{size}");
        let named = answer.headers().get("content-range");
        let named = named.unwrap_or_else(|| panic!("{text}: no range in {answer:?}"));
        assert_eq!(*named, *expected, "{text}: {answer:?}");
        Self::of(answer, &blob.bytes[range])
    }

    fn of(answer: Response, expected: &'b [u8]) -> Self {
        let length = answer.content_length();
        assert_eq!(length, Some(expected.len() as u64), "{answer:?}");
        Self {
            answer,
            expected,
            at: 0,
        }
    }

    /// Reads a piece; `None` at the end.
    async fn piece(&mut self) -> reqwest::Result<Option<()>> {
        let Some(piece) = self.answer.chunk().await? else {
            return Ok(None);
        };
        let end = self.at + piece.len();
        let expected = self.expected.get(self.at..end);
        let right = expected.is_some_and(|expected| *expected == *piece);
        assert!(right, "other bytes between {} and {end}", self.at);
        self.at = end;
        Ok(Some(()))
    }

    /// Reads so far, or a little further.
    pub async fn up_to(&mut self, place: usize) {
        while self.at < place {
            let piece = self.piece().await;
            let piece = piece.unwrap_or_else(|error| panic!("cut at {}: {error:?}", self.at));
            piece.unwrap_or_else(|| panic!("it ends at {}", self.at));
        }
    }

    /// Reads all.
    pub async fn finish(mut self) {
        self.up_to(self.expected.len()).await;
        assert!(self.piece().await.expect("an end").is_none());
    }

    /// Fails unless the connection is closed before all came, and unless what came is right.
    pub async fn expect_cut(mut self) {
        while let Ok(piece) = self.piece().await {
            assert!(piece.is_some(), "it ended as if it was whole");
        }
        assert!(self.at < self.expected.len(), "all {} bytes came", self.at);
    }
}
