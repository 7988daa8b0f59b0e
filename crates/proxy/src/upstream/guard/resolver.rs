use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Guard;

/// The resolver of the system, less the addresses that the guard keeps an upstream from.
pub(in super::super) struct GuardedResolver(pub(in super::super) Arc<Guard>);

/// A name leads only to addresses that an upstream may not lead to.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` leads to a private address")]
pub(in super::super) struct PrivateName(pub(in super::super) String);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<_> = found.map(|socket| socket.ip()).collect();
            let any = !addresses.is_empty();
            let admitted = guard.admit(name.as_str(), addresses);
            if any && admitted.is_empty() {
                return Err(PrivateName(name.as_str().to_owned()).into());
            }
            // Port 0 stands for the port of the URL.
            let sockets = admitted
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}
