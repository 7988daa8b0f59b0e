//! What runs in the containers of the tests: a server of HTTP that tells its version and can drain,
//! and a client that counts what a user would miss. Compiled by `rustc` alone, without any crate.
//!
//! ```text
//! app serve            serves on port 80 what the image's environment says
//! app ask HOST PATH    one request of HOST:80; succeeds when the answer is 200
//! app count NAME       asks NAME:80 until its input ends, and prints a report
//! ```

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve"] => serve(),
        ["ask", host, path] => ask(host, path),
        ["count", name] => count(name),
        _ => exit(2),
    }
}

// --- The server ---

/// What the image's environment says of this version.
fn said(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// A line of the input is what it was told by a signal: `stop` ends it at once, `drain` once what was
/// asked for is answered.
fn serve() {
    println!("version {} starts", said("VERSION"));
    let started = Instant::now();
    let listener = TcpListener::bind("0.0.0.0:80").expect("port 80");
    let draining = Arc::new(AtomicBool::new(false));
    let mut answers = Vec::new();
    thread::spawn({
        let draining = Arc::clone(&draining);
        move || follow_orders(&draining)
    });
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                answers.retain(|answer: &JoinHandle<_>| !answer.is_finished());
                answers.push(thread::spawn(move || answer(stream, started)));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(_) => {}
        }
        if draining.load(SeqCst) {
            // Whoever is in the queue is still answered.
            listener.set_nonblocking(true).expect("a socket of ours");
        }
    }
    drop(listener);
    for answer in answers {
        // Whether it came is the client's business.
        let _ = answer.join();
    }
    println!("version {} has drained", said("VERSION"));
}

fn follow_orders(draining: &AtomicBool) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        println!("version {} is told to {line}", said("VERSION"));
        match &*line {
            "drain" => {
                draining.store(true, SeqCst);
                // Wakes the one who waits for a connection.
                let _ = TcpStream::connect("127.0.0.1:80");
            }
            _ => exit(0),
        }
    }
}

/// Whether the first check that succeeds has been told.
static SAID_SO: AtomicBool = AtomicBool::new(false);

fn answer(mut stream: TcpStream, started: Instant) -> io::Result<()> {
    let head = read_head(&mut stream)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path.starts_with("/hook") {
        println!("asked for {path}");
    }
    let healthy_after = said("HEALTHY_AFTER_MS").parse().unwrap_or(0);
    let healthy = said("MODE") != "unhealthy"
        && started.elapsed() >= Duration::from_millis(healthy_after);
    let status = match path {
        "/health" if !healthy => "503 Service Unavailable",
        _ => "200 OK",
    };
    if path == "/health" && healthy && !SAID_SO.swap(true, SeqCst) {
        println!("version {} is healthy", said("VERSION"));
    }
    let body = said("VERSION");
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    // Long enough for a request to be caught in the middle.
    thread::sleep(Duration::from_millis(10));
    stream.write_all(body.as_bytes())
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => break,
            length => head.extend_from_slice(&piece[..length]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

// --- One request ---

fn ask(host: &str, path: &str) {
    let address: Ipv4Addr = host.parse().unwrap_or_else(|_| {
        let addresses = resolve(host).unwrap_or_default();
        *addresses.first().unwrap_or_else(|| exit(6))
    });
    match request(address, path) {
        Outcome::Whole(200, body) => println!("{body}"),
        _ => exit(1),
    }
}

enum Outcome {
    /// The status and the body.
    Whole(u16, String),
    /// An answer began, and was cut.
    Cut,
    /// There was no connection, or not a byte came by it.
    Nothing,
}

fn request(address: Ipv4Addr, path: &str) -> Outcome {
    let address = SocketAddr::from((address, 80));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(500)) else {
        return Outcome::Nothing;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(3)));
    let asked = format!("GET {path} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n");
    if stream.write_all(asked.as_bytes()).is_err() {
        return Outcome::Nothing;
    }
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return if bytes.is_empty() { Outcome::Nothing } else { Outcome::Cut };
    };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let whole = length.and_then(|length| length.parse().ok()) == Some(body.len());
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    match status {
        Some(status) if whole && ended.is_ok() => Outcome::Whole(status, body.to_owned()),
        _ => Outcome::Cut,
    }
}

// --- The client that counts ---

/// Resolves the name for each request, opens a new connection, and tries each address. A request
/// fails when no address gives an answer, or an answer is cut.
fn count(name: &str) {
    let over = Arc::new(AtomicBool::new(false));
    thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            over.store(true, SeqCst);
        }
    });
    let (mut requests, mut failures, mut elsewhere) = (0, 0, 0);
    let mut longest = Duration::ZERO;
    let mut errors: Vec<String> = Vec::new();
    let mut last: Option<Instant> = None;
    while !over.load(SeqCst) {
        requests += 1;
        match ask_each(name) {
            Ok(tries) => {
                elsewhere += usize::from(tries > 1);
                longest = longest.max(last.map_or(Duration::ZERO, |last| last.elapsed()));
                last = Some(Instant::now());
            }
            Err(error) => {
                failures += 1;
                errors.push(error);
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
    errors.sort_unstable();
    errors.dedup();
    println!(
        "{{\"requests\":{requests},\"failures\":{failures},\"tried_elsewhere\":{elsewhere},\
         \"longest_gap_ms\":{},\"errors\":{errors:?}}}",
        longest.as_millis()
    );
}

fn ask_each(name: &str) -> Result<usize, String> {
    let began = Instant::now();
    let Some(addresses) = resolve(name) else {
        return Err("the name was not resolved".to_owned());
    };
    let resolved = began.elapsed();
    for (tried, address) in addresses.iter().enumerate() {
        match request(*address, "/") {
            Outcome::Whole(200, _) => return Ok(tried + 1),
            Outcome::Whole(..) => return Err("an answer was not 200".to_owned()),
            Outcome::Cut => return Err("an answer was cut".to_owned()),
            Outcome::Nothing => {}
        }
    }
    Err(match addresses.len() {
        0 => "the name has no address".to_owned(),
        // How long it took tells what was wrong: a refusal comes at once.
        many => format!(
            "none of {many} addresses answered: resolved in {}00 ms, tried for {}00 ms",
            resolved.as_millis() / 100,
            (began.elapsed() - resolved).as_millis() / 100
        ),
    })
}

/// The addresses of a name, as the engine's own DNS server gives them.
fn resolve(name: &str) -> Option<Vec<Ipv4Addr>> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let mut question = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).ok()?);
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.send_to(&question, "127.0.0.11:53").ok()?;
    let mut packet = [0; 1500];
    let length = socket.recv(&mut packet).ok()?;
    let answers = u16::from_be_bytes([packet[6], packet[7]]);
    let mut at = question.len();
    let mut addresses = Vec::new();
    for _ in 0..answers {
        // A name: labels up to an empty one, or a pointer.
        while at < length && packet[at] != 0 && packet[at] < 0xc0 {
            at += usize::from(packet[at]) + 1;
        }
        at += if *packet.get(at)? >= 0xc0 { 2 } else { 1 };
        let record = packet.get(at..at + 10)?;
        let size = usize::from(u16::from_be_bytes([record[8], record[9]]));
        if record[..2] == [0, 1] && size == 4 {
            let bytes: [u8; 4] = packet.get(at + 10..at + 14)?.try_into().ok()?;
            addresses.push(Ipv4Addr::from(bytes));
        }
        at += 10 + size;
    }
    Some(addresses)
}
