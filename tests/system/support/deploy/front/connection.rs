use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional, sink};
use tokio::net::UnixStream;

use super::{Asked, Shared, Verdict};

/// More than any head that an engine is sent.
const HEAD_BYTES: usize = 256 * 1024;

/// One request, and everything behind it until an end is closed.
pub(super) async fn serve(mut client: UnixStream, shared: &Shared) -> io::Result<()> {
    let Some((head, rest)) = read_head(&mut client).await? else {
        return Ok(());
    };
    let asked = parse(&head);
    if let Some(mut open) = shared.held(&asked) {
        // A test that has ended holds nobody.
        let _ = open.wait_for(|open| *open).await;
    }
    let (number, verdict) = shared.judge(&asked);
    let pid = match verdict {
        Verdict::Pass => None,
        Verdict::Kill(pid) => Some(pid),
        Verdict::Drop => return Ok(()),
        Verdict::Refuse(message) => {
            shared.answered(number, 500);
            return refuse(client, &message).await;
        }
    };
    let mut engine = UnixStream::connect(&shared.engine).await?;
    engine.write_all(closing(&head).as_bytes()).await?;
    engine.write_all(&rest).await?;
    let Some(pid) = pid else {
        return pass_on(client, engine, shared, number).await;
    };
    let (mut from_client, _) = client.split();
    let (mut from_engine, mut to_engine) = engine.split();
    let mut nowhere = sink();
    tokio::select! {
        // The engine ends the connection once it has answered.
        _ = copy(&mut from_engine, &mut nowhere) => {}
        () = async {
            let _ = copy(&mut from_client, &mut to_engine).await;
            std::future::pending::<()>().await;
        } => {}
    }
    shared.kill(pid, &asked);
    Ok(())
}

async fn pass_on(
    mut client: UnixStream,
    mut engine: UnixStream,
    shared: &Shared,
    number: usize,
) -> io::Result<()> {
    // The body goes its way while the answer's head is waited for.
    let (head, rest) = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_engine, mut to_engine) = engine.split();
        let answer = tokio::select! {
            answer = read_head(&mut from_engine) => answer?,
            _ = copy(&mut from_client, &mut to_engine) => return Ok(()),
        };
        let Some(answer) = answer else { return Ok(()) };
        to_client.write_all(answer.0.as_bytes()).await?;
        answer
    };
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    shared.answered(number, status.unwrap_or(0));
    client.write_all(&rest).await?;
    copy_bidirectional(&mut client, &mut engine).await?;
    Ok(())
}

/// A head, and what came with it; `None` when the connection ends before.
async fn read_head(
    stream: &mut (impl tokio::io::AsyncRead + Unpin),
) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), rest)));
        }
        if bytes.len() > HEAD_BYTES || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

fn parse(head: &str) -> Asked {
    let mut words = head.split([' ', '\r']);
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default();
    let versioned = path.starts_with("/v1.");
    let after_version = path.get(1..).and_then(|rest| rest.find('/'));
    let path = match after_version {
        Some(slash) if versioned => &path[slash + 1..],
        _ => path,
    };
    Asked {
        method,
        path: path.to_owned(),
        status: None,
        credentials: credentials(head),
    }
}

fn credentials(head: &str) -> Option<serde_json::Value> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(name, _)| name.eq_ignore_ascii_case("x-registry-auth"))?;
    let value = value.trim().trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The head of a request that is the last of its connection, unless it asks for another protocol.
fn closing(head: &str) -> String {
    let lines = head.trim_end().split("\r\n");
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_lowercase();
    if lines.clone().any(|line| name(line) == "upgrade") {
        return head.to_owned();
    }
    let kept: Vec<&str> = lines.filter(|line| name(line) != "connection").collect();
    format!("{}\r\nConnection: close\r\n\r\n", kept.join("\r\n"))
}

async fn refuse(mut client: UnixStream, message: &str) -> io::Result<()> {
    let body = serde_json::json!({"message": message}).to_string();
    let answer = format!(
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    client.write_all(answer.as_bytes()).await?;
    // What is left of the body: a connection that is closed before it is read is reset.
    let _ = client.shutdown().await;
    copy(&mut client, &mut sink()).await?;
    Ok(())
}
