use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::time::timeout;

/// The bytes of a request as they come.
pub(crate) type Body = BoxStream<'static, Result<Bytes, BodyError>>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("nothing came for {} seconds", .0.as_secs())]
    Stalled(Duration),
    #[error("the request was cut before its end")]
    Cut(#[source] axum::Error),
    #[error("the content has more than {limit} bytes")]
    TooLong { limit: usize },
}

/// The body of a request, which fails when nothing comes for as long as `idle`.
pub(crate) fn receive(body: axum::body::Body, idle: Duration) -> Body {
    stream::try_unfold(body.into_data_stream(), move |mut pieces| async move {
        let next = timeout(idle, pieces.try_next())
            .await
            .map_err(|_| BodyError::Stalled(idle))?;
        Ok(next.map_err(BodyError::Cut)?.map(|piece| (piece, pieces)))
    })
    .boxed()
}

/// So much of a body that is refused is read and thrown away. To a client that is still sending,
/// the end of the connection would look like a failure before it could read the refusal.
const REFUSED_BYTES: usize = 16 * 1024 * 1024;
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// A body whole, if it has at most `limit` bytes.
pub(crate) async fn read_at_most(mut body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut whole = Vec::new();
    while let Some(piece) = body.try_next().await? {
        if piece.len() > limit - whole.len() {
            discard(body).await;
            return Err(BodyError::TooLong { limit });
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// Reads on after a refusal, for [`REFUSED_BYTES`] at most.
pub(crate) async fn heard_out<T, E>(outcome: Result<T, E>, body: Body) -> Result<T, E> {
    if outcome.is_err() {
        discard(body).await;
    }
    outcome
}

/// Reads a body that is refused. That it ends badly, or takes too long, changes nothing any more.
pub(crate) async fn discard(mut body: Body) {
    let read = async {
        let mut discarded = 0;
        while let Ok(Some(piece)) = body.try_next().await {
            discarded += piece.len();
            if discarded > REFUSED_BYTES {
                return;
            }
        }
    };
    // However it ends, the answer goes out now.
    let _ = timeout(REFUSED_FOR, read).await;
}
