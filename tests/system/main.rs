//! Tests of the whole system: each starts the real binary on a port of its own and speaks to it as
//! clients do. One binary, since linking twenty would take longer than running them.

#![expect(unreachable_pub, reason = "nothing is public in a crate of tests")]

mod behind_nginx;
mod blob_conditions;
mod blobs;
mod clients;
mod command_line;
mod configuration;
mod costs;
mod deploy;
mod disk_full;
mod durability;
mod errors;
mod faulty_disk;
mod file_sending;
mod forwarded;
mod freshness;
mod front;
mod import;
mod kills;
mod lifecycle;
mod lists;
mod maintenance;
mod manifest_refusals;
mod manifest_tags;
mod manifests;
mod memory;
mod observed;
mod page;
mod protocols;
mod pull_through;
mod recorded;
mod referrers;
mod retention;
mod slow_clients;
mod space;
mod support;
mod tls;
mod torture;
mod upload_interruptions;
mod upload_mounts;
mod upload_sessions;
mod uploads;
mod usage;
