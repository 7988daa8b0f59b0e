use std::fmt;
use std::sync::Arc;

use berth_proxy::{Proxy, UpstreamState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads how the upstreams do when somebody asks.
pub(super) struct UpstreamCollector(pub(super) Arc<Proxy>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfUpstream {
    upstream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOperation {
    upstream: String,
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    upstream: String,
    operation: &'static str,
    outcome: &'static str,
}

impl fmt::Debug for UpstreamCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpstreamCollector")
    }
}

impl Collector for UpstreamCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let caches = self.0.status();
        let upstreams = caches.iter().flat_map(|cache| &cache.upstreams);
        let upstreams: Vec<_> = upstreams
            .map(|(name, state)| (name.to_string(), state))
            .collect();
        requests(&mut encoder, &upstreams)?;
        open(&mut encoder, &upstreams)?;
        quota(&mut encoder, &upstreams)
    }
}

type Upstreams<'u> = [(String, &'u UpstreamState)];

fn requests(encoder: &mut DescriptorEncoder<'_>, upstreams: &Upstreams<'_>) -> fmt::Result {
    let counted = upstreams.iter().flat_map(|(upstream, state)| {
        state.operations.iter().flat_map(move |operation| {
            operation.requests.iter().map(move |(outcome, count)| {
                let labels = OfOutcome {
                    upstream: upstream.clone(),
                    operation: operation.operation.as_str(),
                    outcome: outcome.as_str(),
                };
                (labels, ConstCounter::new(*count))
            })
        })
    });
    let help = "Requests to upstreams, by how they ended";
    family(encoder, "upstream_requests", help, counted)
}

fn open(encoder: &mut DescriptorEncoder<'_>, upstreams: &Upstreams<'_>) -> fmt::Result {
    let open = upstreams.iter().flat_map(|(upstream, state)| {
        state.operations.iter().map(move |operation| {
            let labels = OfOperation {
                upstream: upstream.clone(),
                operation: operation.operation.as_str(),
            };
            (
                labels,
                ConstGauge::new(i64::from(operation.open_for.is_some())),
            )
        })
    });
    let help = "Whether requests of a kind are answered without the upstream, since they failed";
    family(encoder, "upstream_breaker_open", help, open)
}

fn quota(encoder: &mut DescriptorEncoder<'_>, upstreams: &Upstreams<'_>) -> fmt::Result {
    let left = upstreams.iter().filter_map(|(upstream, state)| {
        let upstream = upstream.clone();
        let remaining = state.quota.as_ref()?.remaining;
        Some((OfUpstream { upstream }, ConstGauge::new(remaining)))
    });
    let help = "Pulls that an upstream says are left";
    family(encoder, "upstream_pulls_left", help, left)
}

/// One metric, with a value for each set of labels; nothing where there are none.
fn family<L: EncodeLabelSet, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (L, M)>,
) -> fmt::Result {
    let mut values = values.peekable();
    let Some((_, first)) = values.peek() else {
        return Ok(());
    };
    let mut family = encoder.encode_descriptor(name, help, None, first.metric_type())?;
    for (labels, value) in values {
        value.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
