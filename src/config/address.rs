//! Addresses as they are written in the configuration, for errors that say how.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

pub(super) fn address_and_port<'de, D>(deserializer: D) -> Result<SocketAddr, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format_args!(
            "`{text}` is not an address and a port: write them as 127.0.0.1:5000 or [::1]:5000"
        ))
    })
}

pub(super) fn optional_address_and_port<'de, D>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error>
where
    D: Deserializer<'de>,
{
    address_and_port(deserializer).map(Some)
}

pub(super) fn networks<'de, D>(deserializer: D) -> Result<Vec<IpNet>, D::Error>
where
    D: Deserializer<'de>,
{
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| network(text)).collect()
}

/// A network, or an address alone, which is the network of one address.
fn network<E: Error>(text: &str) -> Result<IpNet, E> {
    let address = || text.parse::<IpAddr>().ok();
    text.parse()
        .ok()
        .or_else(|| address().map(|address| IpNet::from(address.to_canonical())))
        .ok_or_else(|| {
            E::custom(format_args!(
                "`{text}` is neither an address nor a network: write 192.0.2.1, 10.0.0.0/8 or \
                 fd00::/8"
            ))
        })
}
