use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};

use crate::support::{Answer, TestServer, ask};

/// A browser without scripts: it keeps the cookies that it is given, and follows nothing by itself.
pub struct Visitor {
    client: Client,
    base: String,
    cookies: Vec<(String, String)>,
}

impl Visitor {
    pub fn new(server: &TestServer) -> Self {
        let client = Client::builder().redirect(Policy::none()).build();
        Self {
            client: client.expect("a client"),
            base: server.url(""),
            cookies: Vec::new(),
        }
    }

    pub async fn signed_in(server: &TestServer, name: &str, password: &str) -> Self {
        let mut visitor = Self::new(server);
        let fields = [("name", name), ("password", password)];
        visitor.post("/sign-in", &fields).await.expect(303);
        visitor
    }

    /// With the cookies of this one.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self.client.request(method, format!("{}{path}", self.base));
        request.header("cookie", cookies.join("; "))
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let answer = ask(self.request(Method::GET, path)).await;
        self.keep_cookies(&answer);
        answer
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path).form(fields);
        let answer = ask(request.header("origin", &self.base)).await;
        self.keep_cookies(&answer);
        answer
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a cookie");
            let pair = cookie.split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.retain(|(kept, _)| kept != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}
