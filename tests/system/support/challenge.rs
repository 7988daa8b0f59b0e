use serde_json::Value;

use super::{ADMIN, ADMIN_PASSWORD, Answer, Caller, TestServer, ask};

/// What a 401 asks for, and how clients get it. They send what they have to send without
/// credentials first, since they do not know whether it needs any.
#[derive(Debug)]
pub struct Challenge {
    pub realm: String,
    pub service: String,
    pub scope: Option<String>,
}

impl Challenge {
    /// Of a GET without credentials.
    pub async fn of(server: &TestServer, path: &str) -> Self {
        let answer = ask(server.anonymous().get(path)).await;
        answer.expect_error(401, "UNAUTHORIZED");
        Self::read(&answer)
    }

    #[track_caller]
    pub fn read(answer: &Answer) -> Self {
        let text = answer.header("www-authenticate");
        let parameter = |name: &str| {
            let (_, rest) = text.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        assert!(text.starts_with("Bearer "), "{answer:?}");
        Self {
            realm: parameter("realm").expect("a realm"),
            service: parameter("service").expect("a service"),
            scope: parameter("scope"),
        }
    }

    /// A token for the first user, from a GET with the password, as crane, regctl, docker and
    /// containers/image ask: each scope is a parameter.
    pub async fn get(&self, server: &TestServer, scopes: &[&str]) -> Caller {
        let query = scopes.iter().map(|scope| ("scope", *scope));
        let query: Vec<_> = [("service", self.service.as_str())]
            .into_iter()
            .chain(query)
            .collect();
        let answer = ask(server.get(&self.realm).query(&query)).await;
        bearer(server, &answer, "token")
    }

    /// The same by a POST, as containerd and oras-go ask: all scopes are one parameter.
    pub async fn post(&self, server: &TestServer, client: &str, scopes: &[&str]) -> Caller {
        let scopes = scopes.join(" ");
        let form = [
            ("grant_type", "password"),
            ("service", &self.service),
            ("client_id", client),
            ("username", ADMIN),
            ("password", ADMIN_PASSWORD),
            ("scope", &scopes),
        ];
        let answer = ask(server.anonymous().post(&self.realm).form(&form)).await;
        bearer(server, &answer, "access_token")
    }
}

/// Clients read the token under one name or the other.
fn bearer(server: &TestServer, answer: &Answer, name: &str) -> Caller {
    assert_eq!(answer.status, 200, "{answer:?}");
    match &answer.json()[name] {
        Value::String(token) => server.bearer(token),
        other => panic!("{name} is {other}: {answer:?}"),
    }
}
