//! What a proxy that passes connections on, not requests, says of the client before the first byte
//! of it: HAProxy's PROXY protocol, versions 1 and 2, where the sections named below are.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::replayed::Replayed;

const SIGNATURE_1: &[u8] = b"PROXY ";
/// Section 2.1: the longest line, with its line break.
const MOST_BYTES_1: usize = 107;
const SIGNATURE_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, and the length of the rest.
const HEAD_BYTES_2: usize = 16;
/// Addresses and what stands behind them. Section 2.2 asks for 216 bytes, which sockets with a path
/// need; the rest is for entries of certificates and of clouds, which are passed over.
const MOST_REST_BYTES_2: usize = 536;

/// Whom a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The proxy itself: there was no header, or one that says so, as of a health check.
    Peer,
    Client(IpAddr),
    /// A client, and the proxy does not know which.
    Unknown,
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// Too few to tell.
    Incomplete,
    /// Not those of a header.
    Other,
    Header {
        source: Source,
        bytes: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Malformed {
    #[error("the line is longer than {MOST_BYTES_1} bytes")]
    LongLine,
    #[error("the line is not PROXY, TCP4, TCP6 or UNKNOWN, two addresses and two ports")]
    Line,
    #[error("the header has {0} bytes behind its head, more than {MOST_REST_BYTES_2}")]
    LongRest(usize),
    #[error("the version and command are {0:#04x}, neither 0x20 nor 0x21")]
    Command(u8),
    #[error("the family and transport are {0:#04x}, which no TCP connection has")]
    Family(u8),
    #[error("the header is too short for its addresses")]
    ShortRest,
}

/// Reads the header, if there is one, and gives the stream from the first byte that is not its.
pub(super) async fn receive<S>(mut stream: S) -> io::Result<(Replayed<S>, Source)>
where
    S: AsyncRead + Unpin,
{
    // An incomplete header is never as long, so there is always room to read more.
    let mut received = BytesMut::with_capacity(HEAD_BYTES_2 + MOST_REST_BYTES_2);
    loop {
        let beginning = read(&received)
            .map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed))?;
        let (source, bytes) = match beginning {
            Beginning::Header { source, bytes } => (source, bytes),
            Beginning::Other => (Source::Peer, 0),
            Beginning::Incomplete => match stream.read_buf(&mut received).await? {
                // Whoever speaks next has to make sense of the end.
                0 => (Source::Peer, 0),
                _ => continue,
            },
        };
        let rest = received.split_off(bytes).freeze();
        return Ok((Replayed::new(rest, stream), source));
    }
}

fn read(bytes: &[u8]) -> Result<Beginning, Malformed> {
    if bytes.starts_with(SIGNATURE_1) {
        read_line(bytes)
    } else if bytes.starts_with(SIGNATURE_2) {
        read_binary(bytes)
    } else if SIGNATURE_1.starts_with(bytes) || SIGNATURE_2.starts_with(bytes) {
        Ok(Beginning::Incomplete)
    } else {
        Ok(Beginning::Other)
    }
}

fn read_line(bytes: &[u8]) -> Result<Beginning, Malformed> {
    let line = &bytes[..bytes.len().min(MOST_BYTES_1)];
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return match line.len() {
            MOST_BYTES_1 => Err(Malformed::LongLine),
            _ => Ok(Beginning::Incomplete),
        };
    };
    let line = str::from_utf8(&line[..end]).map_err(|_| Malformed::Line)?;
    let words: Vec<_> = line.split(' ').collect();
    let source = match words[..] {
        // Section 2.1: whatever follows is not looked at.
        ["PROXY", "UNKNOWN", ..] => Source::Unknown,
        ["PROXY", "TCP4", source, destination, from, to] => {
            Source::Client(client::<Ipv4Addr>([source, destination], [from, to])?)
        }
        ["PROXY", "TCP6", source, destination, from, to] => {
            Source::Client(client::<Ipv6Addr>([source, destination], [from, to])?)
        }
        _ => return Err(Malformed::Line),
    };
    Ok(Beginning::Header {
        source,
        bytes: end + "\r\n".len(),
    })
}

/// The first of two addresses, of which nothing may be wrong.
fn client<A: FromStr + Into<IpAddr>>(
    addresses: [&str; 2],
    ports: [&str; 2],
) -> Result<IpAddr, Malformed> {
    let is_port =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    match addresses.map(str::parse::<A>) {
        [Ok(source), Ok(_)] if ports.into_iter().all(is_port) => Ok(source.into().to_canonical()),
        _ => Err(Malformed::Line),
    }
}

fn read_binary(bytes: &[u8]) -> Result<Beginning, Malformed> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES_2>() else {
        return Ok(Beginning::Incomplete);
    };
    let [.., command, family, high, low] = *head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MOST_REST_BYTES_2 {
        return Err(Malformed::LongRest(length));
    }
    let Some(rest) = rest.get(..length) else {
        return Ok(Beginning::Incomplete);
    };
    let source = match (command, family) {
        // Section 2.2: of LOCAL everything else is not looked at.
        (0x20, _) => Source::Peer,
        // Of sources and destinations, the source stands first, and ports behind both.
        (0x21, 0x11) => Source::Client(first::<4>(rest, 12)?.into()),
        (0x21, 0x21) => Source::Client(IpAddr::from(first::<16>(rest, 36)?).to_canonical()),
        // No family, and sockets with a path.
        (0x21, 0x00 | 0x31) => Source::Unknown,
        (0x21, family) => return Err(Malformed::Family(family)),
        (command, _) => return Err(Malformed::Command(command)),
    };
    Ok(Beginning::Header {
        source,
        bytes: HEAD_BYTES_2 + length,
    })
}

/// The first `N` bytes of at least `least`.
fn first<const N: usize>(rest: &[u8], least: usize) -> Result<[u8; N], Malformed> {
    let enough = rest.get(..least).and_then(<[u8]>::first_chunk);
    enough.copied().ok_or(Malformed::ShortRest)
}

#[cfg(test)]
mod tests;
