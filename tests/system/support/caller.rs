use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder};

/// The first user, as whom a test sends what it does not send as somebody else.
pub const ADMIN: &str = "admin";
/// With which each test server is started.
pub const ADMIN_PASSWORD: &str = "admin-password";
/// Of the two, as clients write them down and send them.
pub(super) const ADMIN_BASE64: &str = "YWRtaW46YWRtaW4tcGFzc3dvcmQ=";

/// Somebody who sends requests to a server: a test server sends as [`ADMIN`].
#[derive(Clone)]
pub struct Caller {
    client: Client,
    base: String,
    credentials: Credentials,
}

#[derive(Clone)]
enum Credentials {
    None,
    Basic { name: String, secret: String },
    Bearer(String),
}

impl Caller {
    /// `base` is scheme and host.
    pub fn admin(client: Client, base: String) -> Self {
        Self {
            client,
            base,
            credentials: Credentials::Basic {
                name: ADMIN.to_owned(),
                secret: ADMIN_PASSWORD.to_owned(),
            },
        }
    }

    pub fn anonymous(&self) -> Self {
        self.with(Credentials::None)
    }

    /// Another user, or a robot, whose secret is a password or a token.
    pub fn user(&self, name: &str, secret: &str) -> Self {
        self.with(Credentials::Basic {
            name: name.to_owned(),
            secret: secret.to_owned(),
        })
    }

    pub fn bearer(&self, token: &str) -> Self {
        self.with(Credentials::Bearer(token.to_owned()))
    }

    fn with(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// The same at another address of the server.
    pub fn at(&self, base: String) -> Self {
        Self {
            base,
            ..self.clone()
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request to a path of this server, or to a `Location` that it gave.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with('/') {
            self.url(path)
        } else {
            path.to_owned()
        };
        let request = self.client.request(method, url);
        match &self.credentials {
            Credentials::None => request,
            Credentials::Basic { name, secret } => request.basic_auth(name, Some(secret)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub fn head(&self, path: &str) -> RequestBuilder {
        self.request(Method::HEAD, path)
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    pub fn put(&self, path: &str) -> RequestBuilder {
        self.request(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }
}

/// The default headers of a client that a test makes for itself.
pub fn admin_headers() -> HeaderMap {
    let basic = HeaderValue::from_str(&format!("Basic {ADMIN_BASE64}"));
    HeaderMap::from_iter([(AUTHORIZATION, basic.expect("visible ASCII"))])
}

/// The text of a request with the credentials of [`ADMIN`] behind its first line.
pub fn signed_in(request: &str) -> String {
    let (line, rest) = request.split_once("\r\n").unwrap_or((request, ""));
    format!("{line}\r\nauthorization: Basic {ADMIN_BASE64}\r\n{rest}")
}
