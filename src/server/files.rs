//! Sends files on plain connections by sendfile(2): their bytes go from the page cache to the socket, and
//! not through the memory of this process.
//!
//! hyper knows only bodies of bytes. The body of a file gives it parts of [`STAND_IN`], and notes beside
//! the connection which part of which file each stands for. hyper hands them to the connection in that
//! order, as they are: it copies nothing where a stream writes several slices at once. When the connection
//! is to write what lies in `STAND_IN`, it sends as many bytes of the file instead.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use berth_registry::http::SendFile;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use rustix::net::sockopt::set_tcp_cork;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_blocking};

/// How much hyper is given at once, since each part costs calls of it and of tokio; and how much is sent by
/// one call: the time that a disk may take for it is the time of a thread that other connections wait for.
const PART: usize = 1024 * 1024;
/// Never sent.
static STAND_IN: [u8; PART] = [0; PART];

fn stands_in(slice: &[u8]) -> bool {
    STAND_IN.as_ptr_range().contains(&slice.as_ptr())
}

/// What the parts of [`STAND_IN`] stand for that are under way on a connection, in their order.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Mutex<VecDeque<Part>>>);

struct Part {
    file: Arc<File>,
    rest: Range<u64>,
    /// Nothing of the body comes behind it.
    last: bool,
}

impl Queue {
    fn parts(&self) -> MutexGuard<'_, VecDeque<Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendFile for Queue {
    fn body(&self, file: File, range: Range<u64>) -> Body {
        Body::new(FileBody {
            queue: self.clone(),
            file: Arc::new(file),
            rest: range,
            reading: None,
        })
    }
}

/// A body that stands for a range of a file.
struct FileBody {
    queue: Queue,
    file: Arc<File>,
    rest: Range<u64>,
    /// The next part is on its way from the disk.
    reading: Option<JoinHandle<io::Result<()>>>,
}

impl FileBody {
    fn next(&self) -> Range<u64> {
        let end = self.rest.end.min(self.rest.start + PART as u64);
        self.rest.start..end
    }

    /// Waits until the next part need not be waited for by the thread that sends it.
    fn poll_in_memory(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reading.is_none() {
            let part = self.next();
            if in_memory(&self.file, part.end - 1)? {
                return Poll::Ready(Ok(()));
            }
            let file = Arc::clone(&self.file);
            self.reading = Some(spawn_blocking(move || read_through(&file, part)));
        }
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(Ok(()));
        };
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        Poll::Ready(read.map_err(io::Error::other)?)
    }
}

/// Whether the byte can be had without waiting for the disk. Where the file system can not say, it is
/// taken to be so.
fn in_memory(file: &File, at: u64) -> io::Result<bool> {
    let mut byte = [0];
    match preadv2(
        file,
        &mut [IoSliceMut::new(&mut byte)],
        at,
        ReadWriteFlags::NOWAIT,
    ) {
        Err(Errno::AGAIN) => Ok(false),
        Ok(_) | Err(Errno::OPNOTSUPP | Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Reads for the page cache alone.
fn read_through(file: &File, range: Range<u64>) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut at = range.start;
    while at < range.end {
        match rustix::io::pread(file, &mut buffer, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => at += read as u64,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.poll_in_memory(cx))?;
        let rest = self.next();
        self.rest.start = rest.end;
        let length = usize::try_from(rest.end - rest.start).expect("a part fits in memory");
        let file = Arc::clone(&self.file);
        let last = self.rest.is_empty();
        self.queue.parts().push_back(Part { file, rest, last });
        let part = Bytes::from_static(&STAND_IN[..length]);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.end - self.rest.start)
    }
}

/// A connection that sends the files of its [`Queue`].
pub(super) struct SendingFiles {
    stream: TcpStream,
    queue: Queue,
    /// The kernel fills packets before it sends them (TCP_CORK, tcp(7)), as long as a file goes on: each part
    /// would end in a small one.
    corked: bool,
}

impl SendingFiles {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            queue: Queue::default(),
            corked: false,
        }
    }

    pub(super) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Sends of the file that is next, as many bytes as stand for it at most.
    fn poll_send(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let mut parts = self.queue.parts();
        let Some(part) = parts.front_mut() else {
            return Poll::Ready(Err(io::Error::other("no file is under way")));
        };
        if !self.corked && !part.last {
            set_tcp_cork(&self.stream, true)?;
            self.corked = true;
        }
        let left = usize::try_from(part.rest.end - part.rest.start).unwrap_or(usize::MAX);
        let most = most.min(left);
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let sent = self.stream.try_io(Interest::WRITABLE, || {
                let (socket, file) = (self.stream.as_fd(), part.file.as_fd());
                let sent = rustix::fs::sendfile(socket, file, Some(&mut part.rest.start), most);
                Ok(sent?)
            });
            match sent {
                // The file has become shorter.
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(sent) => {
                    let ended =
                        part.rest.is_empty() && parts.pop_front().is_some_and(|part| part.last);
                    if ended && self.corked {
                        set_tcp_cork(&self.stream, false)?;
                        self.corked = false;
                    }
                    return Poll::Ready(Ok(sent));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncRead for SendingFiles {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for SendingFiles {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match stands_in(bytes) {
            true => self.poll_send(cx, bytes.len()),
            false => Pin::new(&mut self.stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(first) = slices.iter().position(|slice| !slice.is_empty()) else {
            return Poll::Ready(Ok(0));
        };
        let slices = &slices[first..];
        if stands_in(&slices[0]) {
            return self.poll_send(cx, slices[0].len());
        }
        let file = slices.iter().position(|slice| stands_in(slice));
        let before = &slices[..file.unwrap_or(slices.len())];
        Pin::new(&mut self.stream).poll_write_vectored(cx, before)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
