//! What is written on the command line, checked once where it is read.

mod byte_count;
mod expiry;
mod image_name;
mod name;
mod robot_login;
mod scope;
mod server;
mod service_digest;
mod source_url;
mod yes_or_no;

pub(crate) use byte_count::ByteLimit;
pub(crate) use expiry::{Expiry, Moment};
pub(crate) use image_name::{ImageName, RepositoryOrImage};
pub(crate) use name::{Name, project_name};
pub(crate) use robot_login::RobotLogin;
pub(crate) use scope::Scope;
pub(crate) use server::ServerParser;
pub(crate) use service_digest::{DeployLabel, ServiceDigest};
pub(crate) use source_url::{SourceUrl, SourceUrlParser};
pub(crate) use yes_or_no::yes_or_no;
