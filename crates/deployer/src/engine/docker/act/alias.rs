//! start-first: a new container is found under the names of its service once it has proved itself.

use std::time::Duration;

use berth_registry::sentence;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::verify::Proof;
use super::{Job, PAUSE, each};
use crate::engine::StepError;
use crate::engine::docker::action::{Swap, Verify};
use crate::engine::docker::connection::SOON;
use crate::engine::docker::fault::Fault;
use crate::engine::docker::make;

/// The engine tells a name before its address works. A client that was too early tries the address
/// again after a second (RFC 6298, 2.1), or the old one, which has to be there until then.
const FOUND_AFTER: Duration = Duration::from_secs(2);

impl Job<'_> {
    pub(super) async fn alias(&self, verify: &Verify) -> Result<(), StepError> {
        each(&verify.swaps, |swap| self.alias_one(verify, swap)).await
    }

    /// Aliases are given with a connection, so it is made anew. That may have changed the
    /// container's address, so what it has proved before is proved again.
    async fn alias_one(&self, verify: &Verify, swap: &Swap) -> Result<(), StepError> {
        self.start_after_engine(verify, swap).await?;
        let old = self.old(swap).await?;
        let networks = make::networks(&old);
        let networks = networks.map_err(|reason| self.failed(reason))?;
        let new = self.new_that_is_there(swap).await?;
        for (network, given) in networks.all() {
            let there = new.network_settings.networks.get(network);
            if there.is_some_and(|it| has_aliases(it, given)) {
                continue;
            }
            if there.is_some() {
                self.disconnect(network, &new.id).await?;
            }
            self.connect(network, &new.id, given).await?;
        }
        self.prove_again(verify, swap, self.engine_now().await?)
            .await
    }

    async fn prove_again(
        &self,
        verify: &Verify,
        swap: &Swap,
        since: DateTime<Utc>,
    ) -> Result<(), StepError> {
        let began = tokio::time::Instant::now();
        loop {
            let new = self.new_that_is_there(swap).await?;
            let (ran, waited) = (began.elapsed(), self.since_begun());
            let proof = super::verify::judge_again(&new, verify, since, ran, waited);
            match proof {
                Proof::Good if began.elapsed() >= FOUND_AFTER => return Ok(()),
                Proof::Good | Proof::Open => {}
                Proof::Bad(reason) => {
                    return Err(self.blamed(sentence!("the new {} {reason}", swap.name)));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn disconnect(&self, network: &str, id: &str) -> Result<(), StepError> {
        let request = bollard::models::NetworkDisconnectRequest {
            container: id.to_owned(),
            force: None,
        };
        let done = self
            .engine
            .ask(
                &sentence!("disconnect from {network}"),
                SOON,
                |client| async move { client.disconnect_network(network, request).await },
            )
            .await;
        match done {
            Ok(()) => Ok(()),
            Err(Fault::Refused(text)) if text.contains("is not connected to") => Ok(()),
            Err(fault) => {
                let failed =
                    sentence!("the new container can not be taken off the network {network}");
                Err(fault.or_failed(None, &failed))
            }
        }
    }

    /// The time by the engine's clock, which may not be ours.
    pub(super) async fn engine_now(&self) -> Result<DateTime<Utc>, StepError> {
        let info = self
            .engine
            .ask(sentence("tell its time"), SOON, |client| async move {
                client.info().await
            })
            .await;
        let info = info.map_err(|fault| {
            fault.or_failed(None, sentence("the engine does not tell its time"))
        })?;
        let parsed = info
            .system_time
            .as_deref()
            .map(DateTime::parse_from_rfc3339);
        match parsed {
            Some(Ok(time)) => Ok(time.to_utc()),
            _ => Err(self.failed(sentence("the engine does not tell its time").to_owned())),
        }
    }
}

fn has_aliases(there: &Map<String, Value>, given: &Map<String, Value>) -> bool {
    let names = |map: &Map<String, Value>| {
        let list = map.get("Aliases").and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let there = names(there);
    names(given).iter().all(|name| there.contains(name))
}
