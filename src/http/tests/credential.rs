use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// What a request shows.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    Nothing,
    Basic {
        name: String,
        secret: String,
    },
    Bearer(String),
    /// A cookie of the page.
    Session(String),
    /// A header that is no credential at all.
    Nonsense,
}

impl Credential {
    pub(super) fn basic(name: &str, secret: &str) -> Self {
        Self::Basic {
            name: name.to_owned(),
            secret: secret.to_owned(),
        }
    }

    pub(super) fn header(&self) -> Option<String> {
        match self {
            Self::Nothing | Self::Session(_) => None,
            Self::Basic { name, secret } => {
                let pair = BASE64_STANDARD.encode(format!("{name}:{secret}"));
                Some(format!("Basic {pair}"))
            }
            Self::Bearer(token) => Some(format!("Bearer {token}")),
            Self::Nonsense => Some("Digest username=admin".to_owned()),
        }
    }

    pub(super) fn cookie(&self) -> Option<&str> {
        match self {
            Self::Session(cookie) => Some(cookie),
            Self::Nothing | Self::Basic { .. } | Self::Bearer(_) | Self::Nonsense => None,
        }
    }
}

/// What an access token says.
pub(super) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// A true token that says that it needs no signature.
pub(super) fn unsigned(token: &str) -> String {
    let header = jsonwebtoken::decode_header(token).unwrap();
    let header = json!({"typ": "JWT", "alg": "none", "kid": header.kid}).to_string();
    let payload = token.split('.').nth(1).unwrap();
    format!("{}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(header))
}

/// A true token, signed by somebody else's key under the name of the registry's.
pub(super) fn signed_by_another_key(token: &str) -> String {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = jsonwebtoken::decode_header(token).unwrap().kid;
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    encode(&header, &claims(token), &key).unwrap()
}

/// A true token, signed with the registry's public key as if that were a shared secret.
pub(super) fn signed_with_the_public_key(token: &str, jwk: &Value) -> String {
    let coordinate = |name: &str| {
        let text = jwk[name].as_str().unwrap();
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = jsonwebtoken::decode_header(token).unwrap().kid;
    encode(&header, &claims(token), &EncodingKey::from_secret(&point)).unwrap()
}
