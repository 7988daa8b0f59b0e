use std::fmt;

use berth_registry::sentence;
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
        f.write_str(&match self {
            Self::Status(status) => sentence!("it answered {status}"),
            Self::Redirects => sentence("it redirected too often").to_owned(),
            Self::Location => sentence("it redirected to nowhere").to_owned(),
            Self::Challenge => {
                sentence("it asks for credentials in no way that is known").to_owned()
            }
            Self::Token => sentence("the answer holds no token").to_owned(),
            Self::DigestHeader => sentence("its Docker-Content-Digest is no digest").to_owned(),
            Self::DigestMismatch { expected, actual } => {
                sentence!("{actual} came in place of {expected}")
            }
            Self::TooLarge { most_bytes } => {
                sentence!("the answer has more than {most_bytes} bytes")
            }
            Self::Json => sentence("the answer is not the JSON that it should be").to_owned(),
            Self::ContentRange => sentence("another range came than was asked for").to_owned(),
            Self::NoLength => sentence("the answer does not tell the size").to_owned(),
            Self::Endless => sentence("the list does not end").to_owned(),
            Self::Schema1 => sentence(
                "it is Docker's manifest version 1, which clients can no longer pull: push the \
                 image again with a current client",
            )
            .to_owned(),
            Self::TooLong => sentence("more bytes came than were announced").to_owned(),
        })
    }
}
