use std::collections::BTreeMap;

use berth_deployer::Request;
use berth_oci::{Digest, ProjectName};
use berth_registry::sentence;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::limits::ENTRIES;
use super::super::names::RunningName;
use super::super::problem::Problem;
use super::super::texts;

/// What is to run
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDeployment, example = json!({"target": "local", "stack": "shop"}))]
pub(crate) struct New {
    #[schema(value_type = texts::ProjectName)]
    pub(crate) target: String,
    /// A Compose project, or a container that is in none
    #[schema(value_type = texts::RunningName)]
    pub(crate) stack: String,
    /// The digests that services are to run. Without it every service, at what its tag names now
    #[schema(value_type = Option<texts::DigestsByService>)]
    pub(crate) services: Option<BTreeMap<String, String>>,
}

impl New {
    pub(super) fn request(self) -> Result<Request, Problem> {
        let target: ProjectName = self.target.parse().map_err(Problem::bad_request)?;
        let stack: RunningName = self.stack.parse().map_err(Problem::bad_request)?;
        if let Some(services) = &self.services {
            check_number(services.len())?;
        }
        let services = self
            .services
            .into_iter()
            .flatten()
            .map(|(service, digest)| {
                let service: RunningName = service.parse().map_err(Problem::bad_request)?;
                let digest: Digest = digest.parse().map_err(Problem::bad_request)?;
                Ok((service.into(), digest))
            });
        Ok(Request {
            target: target.to_string(),
            stack: stack.into(),
            services: services.collect::<Result<_, Problem>>()?,
        })
    }
}

fn check_number(services: usize) -> Result<(), Problem> {
    match services {
        0 => Err(Problem::bad_request(sentence(
            "`services` names none: leave it out to deploy all of the stack",
        ))),
        1..=ENTRIES => Ok(()),
        _ => Err(Problem::bad_request(sentence!(
            "`services` has at most {ENTRIES} entries, and here are {services}"
        ))),
    }
}
