use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// What a request shows of who sent it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    None,
    Basic { name: String, secret: String },
    Bearer(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the header Authorization is neither `Basic` with a name and a secret nor `Bearer` with a token"
)]
pub(crate) struct Malformed;

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Credentials {
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Malformed> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Ok(Self::None);
        };
        if values.next().is_some() {
            return Err(Malformed);
        }
        let text = value.to_str().map_err(|_| Malformed)?;
        let (scheme, rest) = text.split_once(' ').ok_or(Malformed)?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            let pair = BASE64.decode(rest).map_err(|_| Malformed)?;
            let pair = String::from_utf8(pair).map_err(|_| Malformed)?;
            let (name, secret) = pair.split_once(':').ok_or(Malformed)?;
            Ok(Self::Basic {
                name: name.to_owned(),
                secret: secret.to_owned(),
            })
        } else if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
            Ok(Self::Bearer(rest.to_owned()))
        } else {
            Err(Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Credentials, Malformed> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        Credentials::read(&headers)
    }

    fn basic(name: &str, secret: &str) -> Result<Credentials, Malformed> {
        Ok(Credentials::Basic {
            name: name.to_owned(),
            secret: secret.to_owned(),
        })
    }

    #[test]
    fn a_secret_may_hold_colons_and_lack_padding() {
        assert!(read("Basic YWxpY2U6YTpi") == basic("alice", "a:b"));
        assert!(read("basic  YTpi") == basic("a", "b"));
        assert!(read("BASIC YTpiYw") == basic("a", "bc"));
        assert!(read("BASIC YTpiYw==") == basic("a", "bc"));
        assert!(read("Bearer a.b.c") == Ok(Credentials::Bearer("a.b.c".to_owned())));
        assert!(Credentials::read(&HeaderMap::new()) == Ok(Credentials::None));
    }

    #[test]
    fn what_is_neither_is_malformed() {
        for value in [
            "Basic",
            "Basic !",
            "Basic YWxpY2U=",
            "Bearer ",
            "Digest a",
            "Basic /w==",
        ] {
            assert!(read(value) == Err(Malformed), "{value}");
        }
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        headers.append(AUTHORIZATION, "Bearer b".parse().unwrap());
        assert!(Credentials::read(&headers) == Err(Malformed));
    }
}
