use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;

/// How the connection of a request sends a file without reading it: an extension of requests whose
/// connection can.
#[derive(Clone)]
pub struct FileSender(pub Arc<dyn SendFile>);

pub trait SendFile: Send + Sync {
    /// The bytes of the file as the body of the answer to a request that came on this connection.
    fn body(&self, file: File, range: Range<u64>) -> Body;
}
