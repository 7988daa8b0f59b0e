//! Sizes as people write them.

use berth_registry::sentence;
use bytesize::ByteSize;

use crate::api::problem::Problem;

/// The largest first; of those that are nearly as large, that of ten.
const UNITS: [(&str, u64); 8] = [
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("kB", 1_000),
    ("KiB", 1 << 10),
];

/// A number and a unit, or nothing for no limit.
pub(super) fn limit(text: &str) -> Result<Option<u64>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let size: ByteSize = text.parse().map_err(|_| {
        Problem::impossible(sentence!(
            "`{text}` is no size: write a number and a unit, such as 50 GB or 200 GiB, or nothing for \
             no limit"
        ))
    })?;
    Ok(Some(size.as_u64()))
}

/// With the unit of which it has the fewest, and has no part of one.
pub(super) fn exact(bytes: u64) -> String {
    let whole = UNITS
        .iter()
        .filter(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size));
    let fewest = whole.min_by_key(|(_, size)| bytes / size);
    match fewest {
        Some((unit, size)) => format!("{} {unit}", bytes / size),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_written_so_that_it_can_be_sent_again() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_500, "1500 B"),
            (50_000_000_000, "50 GB"),
            (1_500_000_000_000, "1500 GB"),
            (200 << 30, "200 GiB"),
            (1_000_000_000_000_000, "1000 TB"),
        ] {
            assert_eq!(exact(bytes), text);
            assert_eq!(limit(text).expect("a size"), Some(bytes), "{text}");
        }
        assert_eq!(limit(" ").expect("no limit"), None);
        assert_eq!(limit("1.5 TB").expect("a size"), Some(1_500_000_000_000));
        for text in ["-1", "all", "5 bananas"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }
}
