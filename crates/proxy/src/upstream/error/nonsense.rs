use std::fmt;

use http::StatusCode;

/// What an answer holds that no registry should send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Nonsense {
    Status(StatusCode),
    Redirects,
    Location,
    Challenge,
    Token,
    DigestHeader,
    DigestMismatch { expected: String, actual: String },
    TooLarge { most_bytes: u64 },
    Json,
    ContentRange,
    NoLength,
    TooLong,
    Schema1,
    Endless,
}

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it answered {status}"),
            Self::Redirects => f.write_str("it redirected too often"),
            Self::Location => f.write_str("it redirected to nowhere"),
            Self::Challenge => f.write_str("it asks for credentials in no way that is known"),
            Self::Token => f.write_str("the answer holds no token"),
            Self::DigestHeader => f.write_str("its Docker-Content-Digest is no digest"),
            Self::DigestMismatch { expected, actual } => {
                write!(f, "{actual} came in place of {expected}")
            }
            Self::TooLarge { most_bytes } => {
                write!(f, "the answer has more than {most_bytes} bytes")
            }
            Self::Json => f.write_str("the answer is not the JSON that it should be"),
            Self::ContentRange => f.write_str("another range came than was asked for"),
            Self::NoLength => f.write_str("the answer does not tell the size"),
            Self::Endless => f.write_str("the list does not end"),
            Self::Schema1 => f.write_str(
                "it is Docker's manifest version 1, which clients can no longer pull: push the \
                 image again with a current client",
            ),
            Self::TooLong => f.write_str("more bytes came than were announced"),
        }
    }
}
