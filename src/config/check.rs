//! What only the whole configuration shows to be wrong.

use std::collections::{HashMap, HashSet};

use berth_registry::auth::WHOLE;

use super::schema::{self, NAME};
use super::settings::{Entry, Settings};
use super::{Config, ConfigError};

/// The project that docker pulls from when a name has no project.
const LIBRARY: &str = "library";

impl Config {
    pub(super) fn check(&self, settings: &Settings) -> Result<(), ConfigError> {
        self.require_both_of_tls(settings)?;
        check_names(settings)?;
        self.check_upstreams(settings)?;
        self.check_groups(settings)?;
        self.check_mirror(settings)?;
        self.deploy.check(settings)
    }

    fn require_both_of_tls(&self, settings: &Settings) -> Result<(), ConfigError> {
        let (given, missing) = match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => ("tls.certificate", "tls.key"),
            (None, Some(_)) => ("tls.key", "tls.certificate"),
            (Some(_), Some(_)) | (None, None) => return Ok(()),
        };
        Err(ConfigError::Incomplete {
            place: settings.keys[given].place.clone(),
            given,
            missing,
        })
    }

    fn check_upstreams(&self, settings: &Settings) -> Result<(), ConfigError> {
        let mut upstreams = Vec::new();
        for (upstream, entry) in self.upstreams.iter().zip(settings.entries_of("upstream")) {
            let resolved = upstream.settings();
            let resolved = resolved.map_err(|invalid| entry.refused(invalid.key(), invalid))?;
            upstreams.push((resolved, entry));
        }
        let resolving: HashSet<_> = upstreams
            .iter()
            .filter(|(upstream, _)| upstream.capabilities.resolve)
            .map(|(upstream, _)| &upstream.registry)
            .collect();
        for (upstream, entry) in &upstreams {
            let registry = &upstream.registry;
            if !resolving.contains(registry) {
                let reason = format!(
                    "no upstream of {registry} can resolve, so that nobody says which digest a tag \
                     has: add an upstream that can, or give this one the capability"
                );
                return Err(entry.refused("upstream.capabilities", reason));
            }
        }
        Ok(())
    }

    fn check_groups(&self, settings: &Settings) -> Result<(), ConfigError> {
        for (group, entry) in self.groups.iter().zip(settings.entries_of("group")) {
            if group.members.is_empty() {
                let reason = "the group has no members: give `group.members`";
                return Err(entry.refused("group.members", reason));
            }
            let nested = |member: &&_| self.groups.iter().any(|group| group.name == **member);
            if let Some(member) = group.members.iter().find(nested) {
                let reason = format!("`{member}` is a group: write its members instead");
                return Err(entry.refused("group.members", reason));
            }
            let stranger = |push: &&_| !group.members.contains(push);
            if let Some(push) = group.push.as_ref().filter(stranger) {
                let reason = format!("`{push}` is no member of the group: write one of them");
                return Err(entry.refused("group.push", reason));
            }
        }
        Ok(())
    }

    fn check_mirror(&self, settings: &Settings) -> Result<(), ConfigError> {
        let unknown = |default: &&_| !self.upstreams.iter().any(|other| other.name == **default);
        match self.mirror.default.as_ref().filter(unknown) {
            None => Ok(()),
            Some(default) => Err(ConfigError::Value {
                place: settings.keys["mirror.default"].place.clone(),
                reason: format!("`{default}` is no upstream: write the name of one"),
            }),
        }
    }
}

/// Upstreams and groups are projects, so that all of them share one set of names.
fn check_names(settings: &Settings) -> Result<(), ConfigError> {
    let mut seen: HashMap<_, &Entry> = HashMap::new();
    let entries = settings.entries_of("upstream");
    for entry in entries.chain(settings.entries_of("group")) {
        let taken_for = match entry.name.as_str() {
            WHOLE => Some("robots that belong to no project have it in their logins"),
            LIBRARY => Some("docker writes it where a name has no project"),
            _ => None,
        };
        let path = schema::join(&entry.list, NAME);
        if let Some(reason) = taken_for {
            let reason = format!("`{}` can not be used, since {reason}", entry.name);
            return Err(entry.refused(&path, reason));
        }
        if let Some(other) = seen.insert(&entry.name, entry) {
            let place = other.place(&schema::join(&other.list, NAME));
            let reason = format!("`{}` is a name that {place} has too", entry.name);
            return Err(entry.refused(&path, reason));
        }
    }
    Ok(())
}
