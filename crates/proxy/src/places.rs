//! Which name leads where.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use berth_oci::{ProjectName, RepositoryName};
use berth_registry::Registry;
use berth_registry::source::{Asked, LocateError, Located, Pushes, Source};

use crate::cached::Cached;
use crate::group::Group;
use crate::remote::Remote;

/// A registry elsewhere, and how it is read.
pub(crate) struct Site {
    pub(crate) remote: Arc<Remote>,
    pub(crate) source: Arc<Cached>,
    /// For names that lead there by default: a blob is asked for only where an image was pulled.
    /// A push to a project that is not there yet begins with questions for blobs, and its name is
    /// nobody's business.
    pub(crate) by_default: Arc<Cached>,
}

#[derive(Default)]
pub(crate) struct Places {
    /// By the name of each upstream.
    pub(crate) sites: HashMap<ProjectName, Arc<Site>>,
    pub(crate) groups: HashMap<ProjectName, Arc<Group>>,
    /// Projects that cached a registry, or were a group, whose settings are gone.
    pub(crate) forsaken: HashSet<ProjectName>,
    /// Where a name leads that is no project's.
    pub(crate) default: Option<Arc<Site>>,
}

impl Places {
    /// Each registry elsewhere, in order of the names of their projects.
    pub(crate) fn sites(&self) -> Vec<&Arc<Site>> {
        let mut sites: Vec<_> = self
            .sites
            .iter()
            .filter(|(name, site)| **name == site.remote.project)
            .map(|(_, site)| site)
            .collect();
        sites.sort_by(|one, other| one.remote.project.cmp(&other.remote.project));
        sites
    }

    pub(crate) async fn locate(
        &self,
        registry: &Registry,
        asked: Asked<'_>,
    ) -> Result<Located, LocateError> {
        if let Some(prefix) = asked.prefix {
            let name = asked.repository.within(prefix)?;
            let located = self.by_name(registry, &name, asked.pushes)?;
            let located = located.unwrap_or_else(|| hosted(registry, &name));
            return Ok(Located {
                renamed: located.renamed.or(Some(name)),
                ..located
            });
        }
        let default = self.default.as_ref();
        if let Some(namespace) = asked.namespace {
            let Some(site) = self.by_namespace(namespace) else {
                // Nobody is asked; but a copy of that registry may be kept here by hand.
                return Ok(hosted(registry, asked.repository));
            };
            // BuildKit and k3s say both: a mirror with a path, and what it stands for.
            let named = self.sites.get(&asked.repository.project());
            if named.is_some_and(|named| Arc::ptr_eq(named, site))
                && let Some(located) = self.by_name(registry, asked.repository, asked.pushes)?
            {
                return Ok(located);
            }
            let is_default = default.is_some_and(|default| Arc::ptr_eq(default, site));
            // What the default is asked for may as well be meant for here.
            if is_default && registry.claims(&asked.repository.project()).await? {
                return Ok(hosted(registry, asked.repository));
            }
            return Ok(Located {
                by_default: is_default,
                ..elsewhere(site, asked.repository, &site.source)?
            });
        }
        if let Some(located) = self.by_name(registry, asked.repository, asked.pushes)? {
            return Ok(located);
        }
        match default {
            Some(site) if !asked.pushes => {
                if registry.claims(&asked.repository.project()).await? {
                    return Ok(Located {
                        also: Some(site.remote.here(asked.repository)?),
                        ..hosted(registry, asked.repository)
                    });
                }
                Ok(Located {
                    also: Some(asked.repository.clone()),
                    by_default: true,
                    ..elsewhere(site, asked.repository, &site.by_default)?
                })
            }
            Some(_) | None => Ok(hosted(registry, asked.repository)),
        }
    }

    /// A name that begins with that of an upstream or group.
    fn by_name(
        &self,
        registry: &Registry,
        name: &RepositoryName,
        pushes: bool,
    ) -> Result<Option<Located>, LocateError> {
        let project = name.project();
        if self.forsaken.contains(&project) {
            return Ok(Some(Located {
                pushes: Pushes::Refused(format!("{project} was a cache: push to another project")),
                ..hosted(registry, name)
            }));
        }
        let Some(inner) = name.in_project() else {
            let ours = self.sites.contains_key(&project) || self.groups.contains_key(&project);
            return Ok(ours.then(|| Located {
                pushes: Pushes::Refused(format!("{project} is no repository")),
                ..hosted(registry, name)
            }));
        };
        if let Some(site) = self.sites.get(&project) {
            return elsewhere(site, &inner, &site.source).map(Some);
        }
        let Some(group) = self.groups.get(&project) else {
            return Ok(None);
        };
        Ok(Some(Located {
            renamed: None,
            source: Arc::clone(group.source(pushes)),
            pushes: group.pushes(&inner)?,
            by_default: false,
            also: None,
        }))
    }

    fn by_namespace(&self, namespace: &str) -> Option<&Arc<Site>> {
        let host = match namespace {
            "index.docker.io" | "registry-1.docker.io" => "docker.io",
            host => host,
        };
        let mut sites = self.sites.values();
        sites.find(|site| site.remote.registry == host)
    }
}

fn hosted(registry: &Registry, name: &RepositoryName) -> Located {
    let project = name.project();
    let pushes = match registry.reserved(&project) {
        Some(reason) => Pushes::Refused(format!("no project can be named {project}: {reason}")),
        None => Pushes::Here,
    };
    Located {
        renamed: None,
        source: Arc::clone(registry.hosted()),
        pushes,
        by_default: false,
        also: None,
    }
}

fn elsewhere(
    site: &Site,
    name: &RepositoryName,
    source: &Arc<Cached>,
) -> Result<Located, LocateError> {
    let Remote {
        project, registry, ..
    } = &*site.remote;
    Ok(Located {
        renamed: Some(site.remote.here(name)?),
        source: Arc::clone(source) as Arc<dyn Source>,
        pushes: Pushes::Refused(format!(
            "{project} is a cache of {registry}: push to another project"
        )),
        by_default: false,
        also: None,
    })
}

#[cfg(test)]
mod tests;
