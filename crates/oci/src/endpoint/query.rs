use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ParseError;
use crate::{Algorithm, Tag};

/// Longest `last` that is looked at; no name or tag is longer.
const MARKER_BYTES: usize = 255;
/// Most `tag` parameters of one manifest; the specification asks for at least ten.
pub(super) const TAGS: usize = 100;

/// The part of a list that a client asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// At most so many entries.
    pub n: Option<u64>,
    /// Only what comes after this entry.
    pub last: Option<String>,
}

impl Page {
    pub(super) fn parameters(&self) -> [(&'static str, Option<String>); 2] {
        [
            ("n", self.n.map(|n| n.to_string())),
            ("last", self.last.clone()),
        ]
    }
}

/// SHA-256 is what a session hashes with unless told otherwise.
pub(super) fn algorithm_parameter(algorithm: Algorithm) -> (&'static str, Option<String>) {
    let named = match algorithm {
        Algorithm::Sha256 => None,
        Algorithm::Sha512 => Some(algorithm.to_string()),
    };
    ("digest-algorithm", named)
}

/// What stays as it is in a query: the unreserved characters of RFC 3986, and two that it allows
/// there and that digests and names are full of.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/');

pub(super) fn parameters(
    values: impl IntoIterator<Item = (&'static str, Option<String>)>,
) -> String {
    let mut query = String::new();
    for (name, value) in values {
        if let Some(value) = value {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            query.extend(utf8_percent_encode(&value, QUERY));
        }
    }
    query
}

pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        Self(
            form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn one(&self, name: &'static str) -> Result<Option<String>, ParseError> {
        let mut values = self.all(name);
        let value = values.next().map(str::to_owned);
        if value
            .as_ref()
            .is_some_and(|value| value.chars().any(char::is_control))
        {
            return Err(ParseError::ControlCharacter(name));
        }
        if values.next().is_some() {
            Err(ParseError::RepeatedParameter(name))
        } else {
            Ok(value)
        }
    }

    pub(super) fn tags(&self) -> Result<Vec<Tag>, ParseError> {
        if self.all("tag").count() > TAGS {
            return Err(ParseError::TooManyTags);
        }
        self.all("tag").map(|tag| Ok(tag.parse()?)).collect()
    }

    pub(super) fn page(&self) -> Result<Page, ParseError> {
        let n = match self.one("n")? {
            Some(n) if !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()) => {
                // More than fits is as good as no limit: ours applies.
                Some(n.parse().unwrap_or(u64::MAX))
            }
            Some(n) => return Err(ParseError::NotANumber(n.chars().take(64).collect())),
            None => None,
        };
        let last = self.one("last")?;
        if last.as_ref().is_some_and(|last| last.len() > MARKER_BYTES) {
            return Err(ParseError::LongMarker);
        }
        Ok(Page { n, last })
    }
}
