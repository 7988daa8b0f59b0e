use std::fmt;
use std::str::FromStr;

use berth_oci::Tag;

/// A pattern of whole tags, in which `*` stands for any run of characters and `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TagGlob(String);

impl TagGlob {
    const MOST_BYTES: usize = 128;

    pub(crate) fn matches(&self, tag: &Tag) -> bool {
        matches(self.0.as_bytes(), tag.as_str().as_bytes())
    }
}

/// Goes back to the last `*` only, so that no pattern takes longer than its length times the tag's.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut place, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(place) {
            Some(b'*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[at] => {
                place += 1;
                at += 1;
            }
            _ => {
                let Some((before, taken)) = &mut star else {
                    return false;
                };
                *taken += 1;
                (place, at) = (*before + 1, *taken);
            }
        }
    }
    pattern[place..].iter().all(|byte| *byte == b'*')
}

impl FromStr for TagGlob {
    type Err = InvalidTagGlob;

    fn from_str(text: &str) -> Result<Self, InvalidTagGlob> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*?".contains(&byte);
        if text.is_empty() || text.len() > Self::MOST_BYTES || !text.bytes().all(fits) {
            return Err(InvalidTagGlob);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TagGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern of tags is written with letters, digits, `.`, `_`, `-`, `*` and `?`, as in 'v1.*'"
)]
pub(crate) struct InvalidTagGlob;

#[cfg(test)]
mod tests {
    use super::TagGlob;

    #[test]
    fn a_pattern_matches_whole_tags() {
        let cases = [
            ("v1", "v1", true),
            ("v1", "v10", false),
            ("v1*", "v1", true),
            ("*", "latest", true),
            ("v?.*", "v1.20", true),
            ("v?.*", "v.20", false),
            ("*-rc*-amd64", "1-rc-rc1-amd64", true),
            ("*-rc*-amd64", "1-rc-rc1-arm64", false),
            ("**a", "bba", true),
        ];
        for (pattern, tag, expected) in cases {
            let glob: TagGlob = pattern.parse().expect(pattern);
            let tag = tag.parse().expect(tag);
            assert_eq!(glob.matches(&tag), expected, "{pattern} on {tag}");
        }
        for text in ["", "a b", "a/b", "a:b"] {
            assert!(text.parse::<TagGlob>().is_err(), "{text}");
        }
    }
}
