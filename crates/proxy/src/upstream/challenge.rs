use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// The most challenges of an answer that are looked at.
const MOST: usize = 8;

/// One way to sign in that an answer offers (RFC 9110, section 11.6.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case.
    pub(super) scheme: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The challenges of all `WWW-Authenticate` headers. What can not be read ends its header.
    pub(super) fn all(headers: &HeaderMap) -> Vec<Self> {
        headers
            .get_all(WWW_AUTHENTICATE)
            .into_iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(parse)
            .take(MOST)
            .collect()
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let named = self.parameters.iter().find(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }
}

/// A word before `=` is a parameter of the challenge that it follows, any other begins a challenge.
fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() || challenges.len() > MOST {
            return challenges;
        }
        let Some(value) = after.trim_start().strip_prefix('=') else {
            challenges.push(Challenge {
                scheme: word.to_ascii_lowercase(),
                parameters: Vec::new(),
            });
            rest = after;
            continue;
        };
        let (Some(challenge), Some((value, after))) =
            (challenges.last_mut(), value_of(value.trim_start()))
        else {
            return challenges;
        };
        challenge
            .parameters
            .push((word.to_ascii_lowercase(), value));
        rest = after;
    }
}

fn token(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:@?".contains(c)))
        .unwrap_or(text.len());
    text.split_at(end)
}

fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn challenges_are_read_as_they_are_written() {
        let cases: [(&str, &str); 12] = [
            ("", ""),
            ("Basic", "basic()"),
            (
                r#"Basic realm="Registry, \"ours\"""#,
                r#"basic(realm=Registry, "ours")"#,
            ),
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/a:pull""#,
                "bearer(realm=https://auth.docker.io/token;service=registry.docker.io;scope=repository:library/a:pull)",
            ),
            (
                r#"Bearer realm="https://a/t", scope="repository:a:pull,push repository:b:pull""#,
                "bearer(realm=https://a/t;scope=repository:a:pull,push repository:b:pull)",
            ),
            (
                r#"BEARER Realm = "https://a/t" , SERVICE=x"#,
                "bearer(realm=https://a/t;service=x)",
            ),
            (
                r#"Basic realm="x", Bearer realm="https://a/t",service="s""#,
                "basic(realm=x) bearer(realm=https://a/t;service=s)",
            ),
            (r#"Negotiate, Basic realm=x"#, "negotiate() basic(realm=x)"),
            (
                r#"Bearer realm=https://a/token,service=s"#,
                "bearer(realm=https://a/token;service=s)",
            ),
            (r#"Bearer realm="https://a/t"#, "bearer()"),
            (r#"realm="https://a/t""#, ""),
            (
                "Bearer , ,, error=\"invalid_token\",",
                "bearer(error=invalid_token)",
            ),
        ];
        for (header, expected) in cases {
            let told: Vec<String> = parse(header)
                .iter()
                .map(|challenge| {
                    let pairs = challenge.parameters.iter();
                    let pairs: Vec<_> = pairs
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    format!("{}({})", challenge.scheme, pairs.join(";"))
                })
                .collect();
            assert_eq!(told.join(" "), expected, "{header}");
        }
    }
}
