use std::ops::Range;
use std::str::FromStr;

/// One range of a `Range` header (RFC 9110, section 14.1.2), before the size is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    From(u64),
    /// First and last byte, both included.
    Between(u64, u64),
    /// That many bytes from the end.
    Suffix(u64),
}

impl ByteRange {
    /// Reads a `Range` header. A unit other than bytes has to be ignored, and several ranges may
    /// be: both give `None`, and the answer is the whole.
    pub fn parse(header: &str) -> Result<Option<Self>, InvalidRange> {
        let invalid = || InvalidRange::Bytes(header.chars().take(64).collect());
        let Some((unit, set)) = header.split_once('=') else {
            return Err(invalid());
        };
        if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
            return Ok(None);
        }
        let (first, last) = set.trim().split_once('-').ok_or_else(invalid)?;
        let range = match (first, last) {
            ("", length) => Self::Suffix(decimal(length).ok_or_else(invalid)?),
            (first, "") => Self::From(decimal(first).ok_or_else(invalid)?),
            (first, last) => {
                let first = decimal(first).ok_or_else(invalid)?;
                let last = decimal(last).ok_or_else(invalid)?;
                if last < first {
                    return Err(invalid());
                }
                Self::Between(first, last)
            }
        };
        Ok(Some(range))
    }

    /// The bytes meant, for content of `size` bytes: never empty, never past the end.
    pub fn within(self, size: u64) -> Result<Range<u64>, Unsatisfiable> {
        let range = match self {
            Self::From(first) => first..size,
            Self::Between(first, last) => first..last.saturating_add(1).min(size),
            Self::Suffix(length) => size.saturating_sub(length)..size,
        };
        if range.is_empty() {
            Err(Unsatisfiable { size })
        } else {
            Ok(range)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the range lies outside of the content, which has {size} bytes")]
pub struct Unsatisfiable {
    pub size: u64,
}

/// The place of a chunk in an upload, as `Content-Range` gives it: first and last byte, both
/// included, without a unit (distribution specification, "Pushing a blob in chunks").
///
/// A `bytes ` before it and a `/size` behind it, which RFC 9110 has, are accepted too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    pub first: u64,
    pub last: u64,
}

impl ContentRange {
    /// The bytes that the chunk must have; `None` for the one range that does not fit.
    pub fn length(self) -> Option<u64> {
        (self.last - self.first).checked_add(1)
    }
}

impl FromStr for ContentRange {
    type Err = InvalidRange;

    fn from_str(header: &str) -> Result<Self, InvalidRange> {
        let invalid = || InvalidRange::Content(header.chars().take(64).collect());
        let text = header.trim();
        let text = text.strip_prefix("bytes ").unwrap_or(text);
        let text = text.split_once('/').map_or(text, |(range, _)| range);
        let (first, last) = text.split_once('-').ok_or_else(invalid)?;
        let first = decimal(first).ok_or_else(invalid)?;
        let last = decimal(last).ok_or_else(invalid)?;
        if last < first {
            Err(invalid())
        } else {
            Ok(Self { first, last })
        }
    }
}

/// Digits only: `u64::from_str` would also take a sign.
fn decimal(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    #[error("`{0}` is not a range: write bytes=first-last, bytes=first- or bytes=-length")]
    Bytes(String),
    #[error("`{0}` is not the range of a chunk: write first-last, both included")]
    Content(String),
}

#[cfg(test)]
mod tests;
