use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context as _, ensure};
use berth_oci::{Algorithm, Digest, Hasher};

const PIECE_BYTES: usize = 1024 * 1024;
/// Pieces that are read, written or hashed at one time.
const PIECES: usize = 4;

/// Takes one request with a body after the other, until it is killed: each into a file of its own, since
/// to empty one takes time.
///
/// One thread reads and writes, another hashes, and the file is synced at the end: what a push costs
/// without a registry.
pub(super) fn serve(listen: SocketAddr, folder: &Path) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen)?;
    for number in 0_u64.. {
        let (stream, _) = listener.accept()?;
        // A client that goes away is no reason to keep the others out.
        if let Err(error) = receive(&stream, &folder.join(number.to_string())) {
            eprintln!("{error:#}");
        }
    }
    Ok(())
}

fn receive(mut stream: &TcpStream, file: &Path) -> anyhow::Result<()> {
    let mut input = BufReader::with_capacity(PIECE_BYTES, stream);
    let length = content_length(&mut input)?;
    let mut file = File::create(file)?;
    let (read, to_hash) = channel();
    let (hashed, free) = channel();
    for _ in 0..PIECES {
        hashed.send(vec![0; PIECE_BYTES])?;
    }
    let hashing = thread::spawn(move || hash(&to_hash, &hashed));
    let mut left = length;
    while left > 0 {
        let mut piece: Vec<u8> = free.recv()?;
        piece.truncate(left);
        input.read_exact(&mut piece)?;
        file.write_all(&piece)?;
        left -= piece.len();
        read.send(piece)?;
    }
    drop(read);
    ensure!(hashing.join().is_ok(), "the hash failed");
    file.sync_all()?;
    stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(())
}

/// Hashes what comes, and gives back what it came in.
fn hash(pieces: &Receiver<Vec<u8>>, done: &Sender<Vec<u8>>) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for piece in pieces {
        hasher.update(&piece);
        // Nobody waits for the last ones.
        let _ = done.send(piece);
    }
    hasher.finish()
}

fn content_length(input: &mut BufReader<&TcpStream>) -> anyhow::Result<usize> {
    let mut length = None;
    loop {
        let mut line = String::new();
        ensure!(
            input.read_line(&mut line)? > 0,
            "the connection was closed before its headers ended"
        );
        let line = line.trim_end();
        if line.is_empty() {
            return length.context("no Content-Length");
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse()?);
        }
    }
}
