//! A Docker engine.
//!
//! A service is the containers that share the labels of a Compose service; a container that Compose
//! does not know is a service of its own. A replica is replaced by a new container that has all of
//! the old one but its image, and the old one is kept, stopped, until the deployment has succeeded.
//!
//! What is asked of the engine, for those who let a proxy filter it: `GET /version`, `/_ping`,
//! `/info`, `/containers/json`, `/containers/*/json`, `/containers/*/changes`, `/containers/*/logs`,
//! `/images/*/json`; `HEAD`, `GET` and `PUT /containers/*/archive`; `POST /images/create`,
//! `/images/*/tag`, `/containers/create`, `/containers/*/start`, `stop`, `restart`, `rename` and
//! `update`, `/networks/*/connect` and `disconnect`; `DELETE /containers/*` and `/images/*`. Never
//! `exec`, `attach`, `build`, volumes, or anything of Swarm.

use async_trait::async_trait;
use berth_registry::sentence;

use super::{Engine, EngineError, Errand, PlanError, Service, Step, StepError, Wanted};
use crate::settings::EngineSettings;

mod act;
mod action;
mod carried;
mod connection;
mod container;
mod facts;
mod fault;
mod image;
mod labels;
mod logs;
mod make;
mod observe;
mod own;
mod plan;
mod raw;
mod tar;

use act::Job;
use action::Action;
use connection::Connection;
use fault::Fault;

pub struct Docker {
    connection: Connection,
}

impl Docker {
    /// It is not asked for anything yet.
    pub fn connect(settings: &EngineSettings) -> Self {
        Self {
            connection: Connection::new(settings.clone()),
        }
    }
}

#[async_trait]
impl Engine for Docker {
    fn kind(&self) -> &'static str {
        "docker"
    }

    async fn observe(&self) -> Result<Vec<Service>, EngineError> {
        let seen = self.connection.seen().await;
        let seen = seen.map_err(|fault| fault.or_engine(sentence("show what runs")))?;
        Ok(observe::services(&seen.containers, &seen.images))
    }

    async fn plan(&self, wanted: &Wanted) -> Result<Vec<Step>, PlanError> {
        let facts = self.connection.facts(wanted).await;
        let facts = match facts {
            Ok(facts) => facts,
            Err(fault) => return Err(refused(fault, wanted)),
        };
        plan::plan(&facts, wanted).map_err(|refusal| PlanError::Refused {
            service: refusal.service,
            reason: refusal.reason,
        })
    }

    async fn act(&self, step: &Step, errand: &Errand<'_>) -> Result<(), StepError> {
        let action = read(step)?;
        self.job(step, errand).act(&action).await
    }

    async fn verify(&self, step: &Step, errand: &Errand<'_>) -> Result<(), StepError> {
        self.act(step, errand).await
    }

    async fn undo(&self, step: &Step, errand: &Errand<'_>) -> Result<(), StepError> {
        let action = read(step)?;
        self.job(step, errand).undo(&action).await
    }
}

impl Docker {
    fn job<'j>(&'j self, step: &'j Step, errand: &'j Errand<'_>) -> Job<'j> {
        Job {
            engine: &self.connection,
            errand,
            service: step.service.as_deref(),
        }
    }
}

/// What the engine refuses once it refuses again: the deployment must not wait for it.
fn refused(fault: Fault, wanted: &Wanted) -> PlanError {
    let reason = match fault.or_words() {
        Ok(words) => sentence!("the engine does not show what is to be replaced: {words}"),
        Err(away) => return PlanError::Engine(away),
    };
    let first = wanted.services.first();
    PlanError::Refused {
        service: first.map(|it| it.service.clone()).unwrap_or_default(),
        reason,
    }
}

/// A step that another version of Berth has stored may be one that this one does not know.
fn read(step: &Step) -> Result<Action, StepError> {
    serde_json::from_value(step.action.clone()).map_err(|error| StepError::Failed {
        service: None,
        reason: sentence!("the stored step can not be read: {error}"),
    })
}
