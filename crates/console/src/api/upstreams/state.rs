use std::collections::BTreeMap;
use std::time::Duration;

use berth_proxy::{OperationState, Quota, UpstreamState};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::time;

/// How an upstream does, since the start or since its settings were changed.
#[derive(Serialize, ToSchema)]
#[schema(as = UpstreamState)]
pub(crate) struct State {
    /// For how long nothing is asked of it: it had too many requests, or forbids all
    pub(crate) paused_seconds: Option<u64>,
    /// For how long no manifest is pulled: no pulls are left
    pub(crate) pulls_paused_seconds: Option<u64>,
    /// What it says is left of the pulls that it allows
    pub(crate) quota: Option<QuotaLeft>,
    pub(crate) fetched_bytes: u64,
    pub(crate) operations: Vec<OperationOf>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct QuotaLeft {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    pub(crate) window_seconds: Option<u64>,
    /// Whom it is counted for: an address, or an account
    pub(crate) source: Option<String>,
    pub(crate) read_at: String,
}

/// Requests of one kind.
#[derive(Serialize, ToSchema)]
#[schema(as = UpstreamOperation)]
pub(crate) struct OperationOf {
    /// `manifest`, `blob`, `list` or `token`
    pub(crate) operation: &'static str,
    /// For how long such requests are answered without it: they failed again and again
    pub(crate) open_seconds: Option<u64>,
    /// How many ended in each way
    pub(crate) requests: BTreeMap<&'static str, u64>,
}

impl From<&UpstreamState> for State {
    fn from(state: &UpstreamState) -> Self {
        Self {
            paused_seconds: state.paused_for.map(seconds),
            pulls_paused_seconds: state.pulls_paused_for.map(seconds),
            quota: state.quota.as_ref().map(QuotaLeft::from),
            fetched_bytes: state.bytes_fetched,
            operations: state.operations.iter().map(OperationOf::from).collect(),
        }
    }
}

impl From<&Quota> for QuotaLeft {
    fn from(quota: &Quota) -> Self {
        Self {
            limit: quota.limit,
            remaining: quota.remaining,
            window_seconds: quota.window.map(seconds),
            source: quota.source.clone(),
            read_at: time::text(quota.read_at),
        }
    }
}

impl From<&OperationState> for OperationOf {
    fn from(state: &OperationState) -> Self {
        let requests = state.requests.iter();
        Self {
            operation: state.operation.as_str(),
            open_seconds: state.open_for.map(seconds),
            requests: requests
                .map(|(outcome, count)| (outcome.as_str(), *count))
                .collect(),
        }
    }
}

/// Rounded up, so that what is shut is never open by the figure.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
