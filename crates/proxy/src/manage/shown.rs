use berth_oci::ProjectName;

use crate::proxy::Proxy;
use crate::remote::Remote;
use crate::settings::{Credentials, GroupDocument, UpstreamDocument};
use crate::upstream::{Upstream, UpstreamState};

/// Who made an upstream or a group, and so who may change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Configuration,
    Api,
}

/// An upstream as the API shows it: of its secrets only whether there are any.
#[derive(Clone, Debug)]
pub struct ManagedUpstream {
    pub name: ProjectName,
    pub origin: Origin,
    /// Where what it gives is kept. Upstreams of one registry share it.
    pub project: ProjectName,
    pub document: UpstreamDocument,
    pub has_password: bool,
    pub has_token: bool,
    pub has_proxy: bool,
    pub state: UpstreamState,
}

/// A group as the API shows it.
#[derive(Clone, Debug)]
pub struct ManagedGroup {
    pub name: ProjectName,
    pub origin: Origin,
    pub document: GroupDocument,
}

impl Proxy {
    /// The upstreams, in order of their names.
    pub fn upstreams(&self) -> Vec<ManagedUpstream> {
        let places = self.places();
        let mut all = Vec::new();
        for site in places.sites() {
            let upstreams = site.remote.upstreams().iter();
            all.extend(upstreams.map(|upstream| self.shown(&site.remote, upstream)));
        }
        all.sort_by(|one: &ManagedUpstream, other| one.name.cmp(&other.name));
        all
    }

    fn shown(&self, remote: &Remote, upstream: &Upstream) -> ManagedUpstream {
        let settings = upstream.settings();
        let (has_password, has_token) = match settings.credentials {
            Credentials::None => (false, false),
            Credentials::Password { .. } => (true, false),
            Credentials::Bearer(_) => (false, true),
        };
        ManagedUpstream {
            name: settings.name.clone(),
            origin: self.origin(&settings.name),
            project: remote.project.clone(),
            document: UpstreamDocument::of(settings),
            has_password,
            has_token,
            has_proxy: settings.proxy.is_some(),
            state: upstream.state(),
        }
    }

    /// The groups, in order of their names.
    pub fn groups(&self) -> Vec<ManagedGroup> {
        let settings = self.settings();
        let mut all: Vec<_> = settings
            .groups
            .iter()
            .map(|group| ManagedGroup {
                origin: self.origin(&group.name),
                name: group.name.clone(),
                document: GroupDocument::of(group),
            })
            .collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }
}
