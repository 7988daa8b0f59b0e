use super::Request;

/// What goes wrong with a request. Offsets of cuts and stalls count from where the answer's body
/// begins; that of a wrong byte counts from where the blob does.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Is answered with this status, and these headers.
    Status(u16, Vec<(&'static str, String)>),
    /// Is never answered.
    Hang,
    /// The connection is closed, and there is no answer.
    Reset,
    /// The connection is closed when so many bytes of the body are sent.
    CutAfter(u64),
    /// Nothing comes any more when so many bytes of the body are sent.
    StallAfter(u64),
    /// One byte of the blob is another.
    CorruptByte(u64),
    /// `Content-Length` is larger or smaller by so much.
    WrongLength(i64),
    /// The answer is the whole, with 200.
    IgnoreRange,
    /// There is no `Docker-Content-Digest`.
    OmitDigest,
}

impl Fault {
    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new())
    }

    /// 429 with `Retry-After`.
    pub fn too_many(seconds: u32) -> Self {
        Self::Status(429, vec![("retry-after", seconds.to_string())])
    }
}

/// A fault, and the requests that it meets.
pub(super) struct Rule {
    on: Box<dyn Fn(&Request) -> bool + Send>,
    /// `None` for always.
    times: Option<usize>,
    fault: Fault,
}

impl Rule {
    pub(super) fn new(
        on: impl Fn(&Request) -> bool + Send + 'static,
        times: Option<usize>,
        fault: Fault,
    ) -> Self {
        Self {
            on: Box::new(on),
            times,
            fault,
        }
    }

    /// The fault, if this request meets it.
    pub(super) fn meets(&mut self, request: &Request) -> Option<Fault> {
        if self.times == Some(0) || !(self.on)(request) {
            return None;
        }
        if let Some(times) = &mut self.times {
            *times -= 1;
        }
        Some(self.fault.clone())
    }
}
