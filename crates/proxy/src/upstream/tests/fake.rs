use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use http::{HeaderMap, Method, Response, StatusCode};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server on a loopback address that answers as a test wants, and notes what it was asked.
pub(super) struct Fake {
    pub(super) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: Method,
    /// With its query.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) peer: SocketAddr,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Fake {
    pub(super) async fn start<F>(answer: F) -> Self
    where
        F: Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    {
        Self::at("127.0.0.1", answer).await
    }

    pub(super) async fn at<F>(address: &str, answer: F) -> Self
    where
        F: Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(answer);
        let noted = Arc::clone(&seen);
        let app = Router::new().fallback(
            move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
                let asked = Seen {
                    method: request.method().clone(),
                    path: request.uri().to_string(),
                    headers: request.headers().clone(),
                    peer,
                };
                noted.lock().unwrap().push(asked.clone());
                std::future::ready(answer(&asked))
            },
        );
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = async move { axum::serve(listener, service).await.unwrap() };
        Self {
            url: url.parse().unwrap(),
            seen,
            serving: tokio::spawn(serving),
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// `GET /path`, in the order of their arrival.
    pub(super) fn requests(&self) -> Vec<String> {
        let line = |seen: &Seen| format!("{} {}", seen.method, seen.path);
        self.seen().iter().map(line).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(super) fn answer(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

pub(super) fn ok(body: impl Into<Body>) -> Response<Body> {
    answer(200, &[], body)
}

pub(super) fn status(status: StatusCode) -> Response<Body> {
    answer(status.as_u16(), &[], "")
}
