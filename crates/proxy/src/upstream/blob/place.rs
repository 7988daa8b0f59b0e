use berth_oci::ContentRange;
use http::HeaderMap;
use http::header::CONTENT_RANGE;

use super::BlobRange;
use crate::upstream::body::content_length;

/// Which bytes of a blob an answer has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) expected_bytes: Option<u64>,
    pub(super) total_bytes: Option<u64>,
}

impl Place {
    pub(super) fn of_whole(headers: &HeaderMap) -> Self {
        let total_bytes = content_length(headers);
        Self {
            start: 0,
            expected_bytes: total_bytes,
            total_bytes,
        }
    }

    /// A part that begins where it was asked to. One that ends before is cut there.
    pub(super) fn of_part(headers: &HeaderMap, range: BlobRange) -> Option<Self> {
        range.header()?;
        let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        let given: ContentRange = text.parse().ok()?;
        let size = text.rsplit_once('/').map(|(_, size)| size.parse::<u64>());
        let total_bytes = size.and_then(Result::ok);
        let given_end = given.last.checked_add(1)?;
        let end = match (range.to, total_bytes) {
            (Some(to), Some(total)) => total.min(to),
            (None, Some(total)) => total,
            (Some(to), None) => given_end.min(to),
            (None, None) => given_end,
        };
        let fits = given.first == range.from && given_end <= end;
        fits.then(|| Self {
            start: range.from,
            expected_bytes: Some(end - range.from),
            total_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_RANGE;
    use http::{HeaderMap, HeaderValue};

    use super::Place;
    use crate::upstream::BlobRange;

    #[test]
    fn a_part_is_taken_if_it_begins_where_it_was_asked_to() {
        let cases = [
            ((4, None), "bytes 4-9/10", Some((6, Some(10)))),
            ((4, Some(8)), "bytes 4-7/10", Some((4, Some(10)))),
            ((4, Some(80)), "bytes 4-9/10", Some((6, Some(10)))),
            ((0, Some(4)), "bytes 0-3/*", Some((4, None))),
            // Less than was asked for is what is there before a cut.
            ((4, None), "bytes 4-7/10", Some((6, Some(10)))),
            ((4, None), "bytes 5-9/10", None),
            ((4, None), "bytes 0-9/10", None),
            ((4, Some(8)), "bytes 4-9/10", None),
            ((4, None), "bytes 4-10/10", None),
            ((4, None), "bytes */10", None),
            ((4, None), "nonsense", None),
            ((0, None), "bytes 0-9/10", None),
        ];
        for ((from, to), header, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, HeaderValue::from_static(header));
            let place = Place::of_part(&headers, BlobRange { from, to });
            let expected = expected.map(|(bytes, total_bytes)| Place {
                start: from,
                expected_bytes: Some(bytes),
                total_bytes,
            });
            assert_eq!(place, expected, "{from} {to:?} {header}");
        }
    }
}
