//! Conditional requests and ranges (RFC 9110, sections 13 and 14).

use std::ops::Range;

use berth_oci::{ByteRange, Digest, Unsatisfiable};
use http::HeaderMap;
use http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};

use super::ApiError;

/// What a request wants to be true before it is sent content.
pub(super) struct Conditions {
    if_none_match: Vec<String>,
    if_range: Option<String>,
    range: Option<String>,
}

impl Conditions {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        // What is no text equals nothing, which is right for a condition and wrong for a range.
        let text = |name| {
            headers.get(name).map(|value: &http::HeaderValue| {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            })
        };
        let if_none_match = headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok());
        Self {
            if_none_match: if_none_match.map(str::to_owned).collect(),
            if_range: text(IF_RANGE),
            range: text(RANGE),
        }
    }

    /// Whether the client has this content already.
    pub(super) fn not_modified(&self, digest: &Digest) -> bool {
        self.if_none_match
            .iter()
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || is_tag_of(tag, digest))
    }

    /// The part that is wanted of `size` bytes; `None` for the whole.
    pub(super) fn range(&self, digest: &Digest, size: u64) -> Result<Option<Range<u64>>, ApiError> {
        let Some(header) = &self.range else {
            return Ok(None);
        };
        if self
            .if_range
            .as_deref()
            .is_some_and(|tag| tag != format!("\"{digest}\""))
        {
            return Ok(None);
        }
        let unsatisfiable = |message: String| ApiError::unsatisfiable(message, size);
        match ByteRange::parse(header).map_err(|error| unsatisfiable(error.to_string()))? {
            Some(range) => range
                .within(size)
                .map(Some)
                .map_err(|error: Unsatisfiable| unsatisfiable(error.to_string())),
            None => Ok(None),
        }
    }
}

/// Weak comparison, which `If-None-Match` asks for.
fn is_tag_of(tag: &str, digest: &Digest) -> bool {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(digest.as_str())
}
