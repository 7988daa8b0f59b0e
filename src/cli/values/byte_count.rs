use std::str::FromStr;

use bytesize::ByteSize;

/// How many bytes are the most, if there is a most: `50GB`, `10GiB`, `1000` or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteLimit(pub(crate) Option<u64>);

impl FromStr for ByteLimit {
    type Err = InvalidByteLimit;

    fn from_str(text: &str) -> Result<Self, InvalidByteLimit> {
        if text == "none" {
            return Ok(Self(None));
        }
        let size: ByteSize = text.parse().map_err(|_| InvalidByteLimit)?;
        Ok(Self(Some(size.as_u64())))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a number of bytes is wanted, such as 50GB, 10GiB or 1000, or none for no limit")]
pub(crate) struct InvalidByteLimit;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_of_ten_or_of_two() {
        for (text, bytes) in [
            ("1000", Some(1000)),
            ("50GB", Some(50_000_000_000)),
            ("10GiB", Some(10 << 30)),
            ("none", None),
        ] {
            assert_eq!(text.parse::<ByteLimit>().unwrap(), ByteLimit(bytes));
        }
        for text in ["", "-1", "all", "5 bananas"] {
            assert!(text.parse::<ByteLimit>().is_err(), "{text}");
        }
    }
}
