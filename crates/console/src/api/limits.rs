//! How much of something a client may give.

use std::fmt::Display;
use std::ops::RangeInclusive;

use berth_registry::sentence;

use super::problem::Problem;

/// The most entries of a list in a document.
pub(crate) const ENTRIES: usize = 100;

pub(crate) fn text(key: &str, text: &str, most: usize) -> Result<(), Problem> {
    // As JSON Schema counts.
    let characters = text.chars().count();
    if characters <= most {
        return Ok(());
    }
    Err(Problem::bad_request(sentence!(
        "`{key}` has at most {most} characters, and here are {characters}"
    )))
}

/// A list of at most `most` texts, each of at most `characters`.
pub(crate) fn list(
    key: &str,
    texts: &[String],
    most: usize,
    characters: usize,
) -> Result<(), Problem> {
    let entries = texts.len();
    if entries > most {
        return Err(Problem::bad_request(sentence!(
            "`{key}` has at most {most} entries, and here are {entries}"
        )));
    }
    texts.iter().try_for_each(|one| text(key, one, characters))
}

pub(crate) fn number<N: PartialOrd + Display>(
    key: &str,
    number: N,
    range: RangeInclusive<N>,
) -> Result<(), Problem> {
    if range.contains(&number) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(Problem::bad_request(sentence!(
        "`{key}` is a number from {least} to {most}, not {number}"
    )))
}

#[cfg(test)]
mod tests {
    use super::{list, number, text};

    #[test]
    fn as_much_as_the_limit_is_taken_and_no_more() {
        assert!(text("url", "aßc", 3).is_ok());
        assert!(text("url", "abcd", 3).is_err());
        let texts = ["ab".to_owned(), "abc".to_owned()];
        assert!(list("deny", &texts, 2, 3).is_ok());
        assert!(list("deny", &texts, 1, 3).is_err());
        assert!(list("deny", &texts, 2, 2).is_err());
        assert!(number("order", 5, 0..=5).is_ok());
        assert!(number("order", 6, 0..=5).is_err());
    }
}
