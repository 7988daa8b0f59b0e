use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use berth_oci::ProjectName;
use futures_util::FutureExt as _;
use sqlx::SqliteConnection;

use crate::audit::{Actor, Entry};
use crate::clock::Timestamp;
use crate::db::{self, DbError, changes};
use crate::registry::Registry;

/// Where what a project holds comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectKind {
    /// It is pushed here.
    Hosted,
    /// It is a cache of what an upstream has.
    Proxy,
    /// It holds nothing, and reads as others do.
    Group,
}

impl ProjectKind {
    const ALL: [Self; 3] = [Self::Hosted, Self::Proxy, Self::Group];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hosted => "hosted",
            Self::Proxy => "proxy",
            Self::Group => "group",
        }
    }
}

impl FromStr for ProjectKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or(())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error("there is a project {name} already, and it is {}: give the upstream or group another name, or remove the project", .kind.as_str())]
    Taken {
        name: ProjectName,
        kind: ProjectKind,
    },
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Registry {
    /// Makes the project of an upstream or group, if it is not there. `public` counts when it is
    /// made.
    pub async fn adopt_project(
        &self,
        name: &ProjectName,
        kind: ProjectKind,
        public: bool,
    ) -> Result<(), AdoptError> {
        let (name, now) = (name.clone(), self.clock.now());
        self.db
            .write(move |tx| async move { adopt(tx, &name, kind, public, now).await }.boxed())
            .await?;
        Ok(())
    }

    /// The projects of upstreams and groups, whether those are still there or not.
    pub async fn projects_from_elsewhere(&self) -> Result<Vec<ProjectName>, DbError> {
        let mut connection = self.db.read().await?;
        db::projects::not_hosted(&mut connection).await
    }

    /// Names that no project can be given, and why.
    pub fn reserve(&self, names: HashMap<ProjectName, &'static str>) {
        self.reserved.store(Arc::new(names));
    }

    /// Why no project can have the name, if none can.
    pub fn reserved(&self, name: &ProjectName) -> Option<&'static str> {
        self.reserved.load().get(name).copied()
    }

    /// Whether the name is that of a project here, or was. Such a name is never asked elsewhere.
    pub async fn claims(&self, name: &ProjectName) -> Result<bool, DbError> {
        self.auth.claims(name).await
    }
}

async fn adopt(
    tx: &mut SqliteConnection,
    name: &ProjectName,
    kind: ProjectKind,
    public: bool,
    now: Timestamp,
) -> Result<(), AdoptError> {
    if let Some(row) = db::projects::find(tx, name).await? {
        if row.kind == kind {
            return Ok(());
        }
        return Err(AdoptError::Taken {
            name: name.clone(),
            kind: row.kind,
        });
    }
    db::projects::insert(tx, name, kind, public, now).await?;
    changes::record(tx, changes::RIGHTS, name.as_str(), now).await?;
    Entry::done(&Actor::system(), "project.create", name)
        .in_project(name)
        .with_detail(kind.as_str())
        .record(tx, now)
        .await?;
    Ok(())
}
