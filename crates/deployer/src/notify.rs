//! Outcomes that somebody is told of, after the standard-webhooks specification: each is a row,
//! written with the outcome itself, and sent until it is taken or hours have passed.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use berth_registry::{DbError, Timestamp};
use chrono::{DateTime, SecondsFormat};
use futures_util::FutureExt as _;
use reqwest::{Client, StatusCode, redirect};
use serde_json::{Value, json};
use tracing::warn;
use uuid::Uuid;

use crate::causes::with_causes;
use crate::db;
use crate::db::notifications::Due;
use crate::deployer::Deployer;
use crate::history::{DeployedService, Deployment, State};
use crate::settings::{NotifySecret, NotifySettings};

const LOOK: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(20);
const AT_ONCE: i64 = 20;
const ERROR_BYTES: usize = 500;
/// How long after each attempt that failed the next one follows; three days in all ("Operational
/// considerations", "Retry schedule").
const RETRIES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(5 * 60 * 60),
    Duration::from_secs(10 * 60 * 60),
    Duration::from_secs(14 * 60 * 60),
    Duration::from_secs(20 * 60 * 60),
    Duration::from_secs(24 * 60 * 60),
];

/// What is told of a deployment.
pub(crate) struct Told {
    /// The same for each attempt, so that a receiver can tell a repetition.
    pub(crate) id: String,
    pub(crate) body: String,
}

/// What is told of how a deployment ended; `None` where nothing was deployed and nothing failed.
pub(crate) fn told(deployment: &Deployment, now: Timestamp) -> Option<Told> {
    let begun = deployment.started_at.is_some();
    match deployment.state {
        State::Succeeded if !begun => return None,
        State::Succeeded | State::RolledBack | State::RollbackFailed | State::Failed => {}
        State::Queued
        | State::Waiting
        | State::Pulling
        | State::Replacing
        | State::Verifying
        | State::RollingBack
        | State::Superseded
        | State::Cancelled => return None,
    }
    let body = json!({
        "type": format!("deployment.{}", deployment.state.as_str()),
        "timestamp": time(now),
        "data": data(deployment),
    });
    Some(Told {
        id: format!("msg_{}", Uuid::new_v4().simple()),
        body: body.to_string(),
    })
}

fn data(deployment: &Deployment) -> Value {
    let services = deployment.services.iter().map(service).collect::<Value>();
    json!({
        "id": deployment.id,
        "target": deployment.target,
        "stack": deployment.stack,
        "cause": deployment.cause.as_str(),
        "state": deployment.state.as_str(),
        "reason": deployment.reason,
        "requested_by": deployment.requested_by,
        "approved_by": deployment.approved_by,
        "rolls_back": deployment.rolls_back,
        "services": services,
        "created_at": time(deployment.created_at),
        "due_at": time(deployment.due_at),
        "started_at": deployment.started_at.map(time),
        "finished_at": deployment.finished_at.map(time),
    })
}

fn service(service: &DeployedService) -> Value {
    json!({
        "service": service.service,
        "image": service.image,
        "from_digest": service.from_digest.as_ref().map(|digest| digest.as_str()),
        "to_digest": service.to_digest.as_str(),
        "pushed_by": service.pushed_by,
        "downtime_ms": service.downtime_ms,
        "left_out": service.left_out,
    })
}

fn time(at: Timestamp) -> String {
    let time = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `v1,` and the base64 of HMAC-SHA256 over id, time in seconds and body ("Signature scheme").
fn signature(secret: &NotifySecret, id: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// Sends what is due, one after another. A deployment never waits for it.
pub(crate) async fn tell_until_stopped(deployer: Arc<Deployer>) {
    // A redirection would take a signed message where nobody has said that it should go.
    let client = Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .build();
    let (Some(settings), Ok(client)) = (&deployer.settings.notify, client) else {
        return;
    };
    let stopping = &deployer.stopping;
    loop {
        let told = stopping.run_until_cancelled(tell_due(&deployer, settings, &client));
        match told.await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => warn!(
                error = &error as &dyn std::error::Error,
                "could not look for notifications"
            ),
        }
        let pause = stopping.run_until_cancelled(tokio::time::sleep(LOOK));
        if pause.await.is_none() {
            return;
        }
    }
}

async fn tell_due(
    deployer: &Deployer,
    settings: &NotifySettings,
    client: &Client,
) -> Result<(), DbError> {
    let mut connection = deployer.journal.db().read_unasked().await?;
    let now = deployer.journal.now();
    let due = db::notifications::due(&mut connection, now, AT_ONCE).await?;
    drop(connection);
    for due in due {
        let now = deployer.journal.now();
        let outcome = send(settings, client, &due, now).await;
        note(deployer, due, outcome).await?;
    }
    Ok(())
}

/// Why a notification was not taken.
struct Refusal {
    text: String,
    /// The receiver says that it will never want one.
    gone: bool,
    retry_after: Option<Duration>,
}

async fn send(
    settings: &NotifySettings,
    client: &Client,
    due: &Due,
    now: Timestamp,
) -> Result<(), Refusal> {
    let seconds = now.0.div_euclid(1000);
    let signature = signature(&settings.secret, &due.id, seconds, &due.body);
    let request = client
        .post(&settings.url)
        .header("content-type", "application/json")
        .header("user-agent", concat!("berth/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", &due.id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature)
        .body(due.body.clone());
    let response = request.send().await.map_err(|error| Refusal {
        // The URL may hold what only the receiver should know.
        text: with_causes(&error.without_url()),
        gone: false,
        retry_after: None,
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    Err(Refusal {
        text: format!("the receiver answered {status}"),
        gone: status == StatusCode::GONE,
        retry_after: retry_after.map(Duration::from_secs),
    })
}

async fn note(deployer: &Deployer, due: Due, outcome: Result<(), Refusal>) -> Result<(), DbError> {
    let now = deployer.journal.now();
    let id = due.id;
    let Err(refusal) = outcome else {
        return deployer
            .journal
            .write(move |tx| {
                async move { db::notifications::delivered(tx, &id, now).await }.boxed()
            })
            .await;
    };
    let attempts = usize::try_from(due.attempts).unwrap_or(usize::MAX);
    let pause = RETRIES.get(attempts).filter(|_| !refusal.gone);
    let pause = pause.map(|pause| match refusal.retry_after {
        Some(asked) if asked < RETRIES[RETRIES.len() - 1] => asked.max(*pause),
        Some(_) | None => *pause,
    });
    let mut text = refusal.text;
    text.truncate(text.floor_char_boundary(ERROR_BYTES));
    if pause.is_none() {
        warn!("notification {id} was given up: {text}");
    }
    let next_at = pause.map(|pause| now.plus(pause));
    deployer
        .journal
        .write(move |tx| {
            async move { db::notifications::failed(tx, &id, &text, next_at, now).await }.boxed()
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification ("Signature scheme").
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret: NotifySecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            .parse()
            .expect("a secret");
        let body = r#"{"test": 2432232314}"#;
        let signature = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
