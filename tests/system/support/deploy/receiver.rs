use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Of 32 bytes.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const BLOCK: usize = 64;

/// Somebody who is told of outcomes.
pub struct Receiver {
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    received: Vec<Value>,
    away: bool,
    refused: usize,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("a port");
        let state = Arc::new(Mutex::new(State::default()));
        // It ends with the process: nobody can wake it.
        thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let state = Arc::clone(&state);
                    thread::spawn(move || answer(stream, &state));
                }
            }
        });
        Self {
            url: format!("http://{address}/deployments"),
            state,
        }
    }

    /// Each message that was accepted: its `id`, and its `body`.
    pub fn received(&self) -> Vec<Value> {
        self.state.lock().expect("the state").received.clone()
    }

    /// The types of what was accepted.
    pub fn types(&self) -> Vec<String> {
        let received = self.received();
        let types = received.iter().map(|message| &message["body"]["type"]);
        types
            .map(|it| it.as_str().expect("a text").to_owned())
            .collect()
    }

    /// From now on connections are closed without an answer.
    pub fn go_away(&self) {
        self.state.lock().expect("the state").away = true;
    }

    pub fn come_back(&self) {
        self.state.lock().expect("the state").away = false;
    }

    /// How many messages came while it was away.
    pub fn missed(&self) -> usize {
        self.state.lock().expect("the state").refused
    }
}

/// Accepts a message whose signature is right, and no other.
fn answer(stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut headers = std::collections::HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.insert(name.to_lowercase(), value.to_owned());
        }
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut state = state.lock().expect("the state");
    if state.away {
        state.refused += 1;
        return None;
    }
    let id = headers.get("webhook-id")?;
    let timestamp = headers.get("webhook-timestamp")?;
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &body].concat();
    let expected = format!("v1,{}", STANDARD.encode(hmac(&signed)));
    let signatures = headers.get("webhook-signature")?;
    let status = if signatures.split(' ').any(|signature| signature == expected) {
        let body: Value = serde_json::from_slice(&body).ok()?;
        state
            .received
            .push(serde_json::json!({"id": id, "timestamp": timestamp, "body": body}));
        "204 No Content"
    } else {
        "401 Unauthorized"
    };
    drop(state);
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

/// HMAC-SHA256 (RFC 2104) with the secret.
fn hmac(message: &[u8]) -> [u8; 32] {
    let encoded = SECRET.strip_prefix("whsec_").expect("a secret");
    let mut key = STANDARD.decode(encoded).expect("base64");
    key.resize(BLOCK, 0);
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let inner = Sha256::digest([&pad(0x36), message].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).into()
}
