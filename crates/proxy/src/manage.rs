//! Upstreams and groups that the API makes, beside those of the configuration.

use berth_oci::ProjectName;
use berth_registry::auth::{Caller, WHOLE};
use berth_registry::cache::{
    AdoptError, ProjectKind, SourceChange, StoreSourceError, StoredSource,
};
use berth_registry::sentence;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::warn;

use crate::proxy::{OpenProxyError, Proxy, ProxySettings};
use crate::settings::{GroupDocument, InvalidDocument, UpstreamDocument, UpstreamSecrets};

mod shown;

pub use shown::{ManagedGroup, ManagedUpstream, Origin};

#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    #[error("{0} is in the configuration file: change it there")]
    ReadOnly(ProjectName),
    #[error("no upstream or group can be named {name}: {reason}")]
    Reserved {
        name: ProjectName,
        reason: &'static str,
    },
    #[error("{0} is a member of the group {1}: take it out of that first")]
    InUse(ProjectName, ProjectName),
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    #[error(transparent)]
    Store(#[from] StoreSourceError),
    /// What was asked for can not be: nothing has changed.
    #[error(transparent)]
    Open(#[from] OpenProxyError),
}

impl Proxy {
    pub async fn create_upstream(
        &self,
        by: &Caller,
        name: ProjectName,
        document: UpstreamDocument,
        secrets: UpstreamSecrets,
    ) -> Result<(), ManageError> {
        let _managing = self.managing.lock().await;
        self.may_create(&name)?;
        let change = SourceChange::Create;
        self.put_upstream(by, name, document, secrets, change).await
    }

    /// Changes an upstream that the API made. `change` gets what it was told before, and not what
    /// came of that: a default may be another one with other settings.
    pub async fn change_upstream(
        &self,
        by: &Caller,
        name: ProjectName,
        change: impl FnOnce(&mut UpstreamDocument, &mut UpstreamSecrets) + Send,
    ) -> Result<(), ManageError> {
        let _managing = self.managing.lock().await;
        let told = self.told(&name, ProjectKind::Proxy).await?;
        let mut document = read(Some(&told.settings));
        let mut secrets = read(told.secrets.as_deref());
        change(&mut document, &mut secrets);
        let change = SourceChange::Change;
        self.put_upstream(by, name, document, secrets, change).await
    }

    pub async fn create_group(
        &self,
        by: &Caller,
        name: ProjectName,
        document: GroupDocument,
    ) -> Result<(), ManageError> {
        let _managing = self.managing.lock().await;
        self.may_create(&name)?;
        self.put_group(by, name, document, SourceChange::Create)
            .await
    }

    /// As [`Proxy::change_upstream`].
    pub async fn change_group(
        &self,
        by: &Caller,
        name: ProjectName,
        change: impl FnOnce(&mut GroupDocument) + Send,
    ) -> Result<(), ManageError> {
        let _managing = self.managing.lock().await;
        let told = self.told(&name, ProjectKind::Group).await?;
        let mut document = read(Some(&told.settings));
        change(&mut document);
        self.put_group(by, name, document, SourceChange::Change)
            .await
    }

    pub async fn remove_upstream(
        &self,
        by: &Caller,
        name: &ProjectName,
    ) -> Result<(), ManageError> {
        self.remove_source(by, name, ProjectKind::Proxy).await
    }

    pub async fn remove_group(&self, by: &Caller, name: &ProjectName) -> Result<(), ManageError> {
        self.remove_source(by, name, ProjectKind::Group).await
    }

    /// Removes an upstream or group; what it has cached stays, and can be pulled.
    async fn remove_source(
        &self,
        by: &Caller,
        name: &ProjectName,
        kind: ProjectKind,
    ) -> Result<(), ManageError> {
        let _managing = self.managing.lock().await;
        self.told(name, kind).await?;
        let mut candidate = (*self.settings()).clone();
        let mut groups = candidate.groups.iter();
        if let Some(group) = groups.find(|group| group.members.contains(name)) {
            return Err(ManageError::InUse(name.clone(), group.name.clone()));
        }
        candidate
            .upstreams
            .retain(|upstream| upstream.name != *name);
        candidate.groups.retain(|group| group.name != *name);
        self.check(&candidate)?;
        self.registry().remove_source(by, name).await?;
        Ok(self.apply(candidate).await?)
    }

    fn may_create(&self, name: &ProjectName) -> Result<(), ManageError> {
        if self.origin(name) == Origin::Configuration {
            return Err(ManageError::ReadOnly(name.clone()));
        }
        let reason = match name.as_str() {
            WHOLE => sentence("it stands before the names of robots"),
            "library" => sentence("it is where Docker Hub has its official images"),
            _ => return Ok(()),
        };
        let name = name.clone();
        Err(ManageError::Reserved { name, reason })
    }

    /// What the API was told of an upstream or group of this kind.
    async fn told(
        &self,
        name: &ProjectName,
        kind: ProjectKind,
    ) -> Result<StoredSource, ManageError> {
        let settings = self.settings();
        let known = match kind {
            ProjectKind::Proxy => settings.upstreams.iter().any(|known| known.name == *name),
            ProjectKind::Group => settings.groups.iter().any(|known| known.name == *name),
            ProjectKind::Hosted => false,
        };
        if known && self.origin(name) == Origin::Configuration {
            return Err(ManageError::ReadOnly(name.clone()));
        }
        let stored = self.registry().stored_sources().await;
        let stored = stored.map_err(StoreSourceError::from)?;
        let mut stored = stored.into_iter();
        let told = stored.find(|source| source.name == *name && source.kind == kind);
        told.ok_or_else(|| StoreSourceError::Unknown(name.clone()).into())
    }

    async fn put_upstream(
        &self,
        by: &Caller,
        name: ProjectName,
        document: UpstreamDocument,
        secrets: UpstreamSecrets,
        change: SourceChange,
    ) -> Result<(), ManageError> {
        let settings = document.read(name.clone(), &secrets)?;
        let mut candidate = (*self.settings()).clone();
        let mut upstreams = candidate.upstreams.iter_mut();
        // In its place: the order of equals says whose project is everybody's.
        match upstreams.find(|upstream| upstream.name == name) {
            Some(earlier) => *earlier = settings,
            None => candidate.upstreams.push(settings),
        }
        let secret = secrets != UpstreamSecrets::default();
        let source = StoredSource {
            name,
            kind: ProjectKind::Proxy,
            settings: text(&document),
            secrets: secret.then(|| text(&secrets)),
        };
        self.store(by, source, candidate, change).await
    }

    async fn put_group(
        &self,
        by: &Caller,
        name: ProjectName,
        document: GroupDocument,
        change: SourceChange,
    ) -> Result<(), ManageError> {
        let settings = document.read(name.clone())?;
        let mut candidate = (*self.settings()).clone();
        candidate.groups.retain(|group| group.name != name);
        candidate.groups.push(settings);
        let source = StoredSource {
            name,
            kind: ProjectKind::Group,
            settings: text(&document),
            secrets: None,
        };
        self.store(by, source, candidate, change).await
    }

    async fn store(
        &self,
        by: &Caller,
        source: StoredSource,
        candidate: ProxySettings,
        change: SourceChange,
    ) -> Result<(), ManageError> {
        self.check(&candidate)?;
        let registry = self.registry();
        if change == SourceChange::Create {
            // Here, since the candidate can not be taken back once it is stored.
            let project = registry.project(&source.name).await;
            let project = project.map_err(StoreSourceError::from)?;
            if let Some(project) = project.filter(|project| project.kind != source.kind) {
                let (name, kind) = (project.name, project.kind);
                let taken = AdoptError::Taken { name, kind };
                return Err(OpenProxyError::from(taken).into());
            }
        }
        registry.store_source(by, source, change).await?;
        Ok(self.apply(candidate).await?)
    }
}

/// What the database has of upstreams and groups, as settings. What this version can not read is left
/// out, with a warning.
pub(crate) fn settings_of(stored: Vec<StoredSource>) -> ProxySettings {
    let mut settings = ProxySettings::default();
    for source in stored {
        let name = source.name.clone();
        let outcome = match source.kind {
            ProjectKind::Proxy => {
                let document: UpstreamDocument = read(Some(&source.settings));
                let secrets = read(source.secrets.as_deref());
                document
                    .read(name, &secrets)
                    .map(|upstream| settings.upstreams.push(upstream))
            }
            ProjectKind::Group => {
                let document: GroupDocument = read(Some(&source.settings));
                document.read(name).map(|group| settings.groups.push(group))
            }
            ProjectKind::Hosted => Ok(()),
        };
        if let Err(error) = outcome {
            warn!(upstream = %source.name, error = &error as &dyn std::error::Error, "{} can not be used: change it", source.name);
        }
    }
    settings
}

fn text(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("a document of texts and numbers is JSON")
}

/// Nothing where there is nothing that can be read.
fn read<D: DeserializeOwned + Default>(text: Option<&str>) -> D {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
