use std::fmt;
use std::sync::Arc;

use berth_proxy::{CacheStatus, Proxy};
use berth_registry::Registry;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads what the caches do when somebody asks.
pub(super) struct CacheCollector {
    registry: Arc<Registry>,
    proxy: Arc<Proxy>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProject {
    project: String,
}

impl CacheCollector {
    pub(super) fn new(registry: Arc<Registry>, proxy: Arc<Proxy>) -> Self {
        Self { registry, proxy }
    }
}

impl fmt::Debug for CacheCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheCollector")
    }
}

type Counted = (&'static str, &'static str, fn(&CacheStatus) -> u64);

impl Collector for CacheCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let caches = self.proxy.status();
        let counts: [Counted; 5] = [
            ("cache_hits", "Blobs that a cache had", |cache| {
                cache.work.hits
            }),
            ("cache_fills", "Downloads that were begun", |cache| {
                cache.work.fills
            }),
            ("cache_joins", "Clients that joined a download", |cache| {
                cache.work.joins
            }),
            (
                "cache_served_bytes",
                "Bytes of blobs that a cache gave",
                |cache| cache.work.served_bytes,
            ),
            (
                "cache_fetched_bytes",
                "Bytes of blobs that came from upstreams",
                |cache| cache.work.fetched_bytes,
            ),
        ];
        for (name, help, count) in counts {
            let metric = |cache: &CacheStatus| ConstCounter::new(count(cache));
            by_project(&mut encoder, (name, help), &caches, metric)?;
        }
        let name = (
            "cache_fills_under_way",
            "Downloads that have begun and not ended",
        );
        let under_way = |cache: &CacheStatus| ConstGauge::new(cache.fills.len() as u64);
        by_project(&mut encoder, name, &caches, under_way)?;
        let held = ConstGauge::new(self.registry.cached_bytes());
        let help = "Bytes of blobs that all caches hold";
        let metric = encoder.encode_descriptor("cache_bytes", help, None, held.metric_type())?;
        held.encode(metric)
    }
}

/// One metric, for each cache.
fn by_project<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    caches: &[CacheStatus],
    metric: impl Fn(&CacheStatus) -> M,
) -> fmt::Result {
    let Some(first) = caches.first() else {
        return Ok(());
    };
    let kind = metric(first).metric_type();
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for cache in caches {
        let labels = OfProject {
            project: cache.project.to_string(),
        };
        metric(cache).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
