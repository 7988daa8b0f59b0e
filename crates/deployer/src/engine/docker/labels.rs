//! The labels that Compose and Berth put on containers, and the names of those that stand aside.

use crate::engine::{Condition, Dependency};

/// All of Compose's.
pub(super) const COMPOSE: &str = "com.docker.compose.";
pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const SERVICE: &str = "com.docker.compose.service";
pub(super) const CONFIG_HASH: &str = "com.docker.compose.config-hash";
pub(super) const NUMBER: &str = "com.docker.compose.container-number";
pub(super) const ONE_OFF: &str = "com.docker.compose.oneoff";
pub(super) const IMAGE: &str = "com.docker.compose.image";
pub(super) const DEPENDS_ON: &str = "com.docker.compose.depends_on";
pub(super) const REPLACE: &str = "com.docker.compose.replace";
pub(super) const SWARM: &str = "com.docker.swarm.";

pub(super) const BERTH: &str = "berth.";
/// The number of the deployment that made the container.
pub(super) const DEPLOYMENT: &str = "berth.deployment";
pub(super) const DIGEST: &str = "berth.digest";
/// The id of the container whose place it takes.
pub(super) const REPLACES: &str = "berth.replaces";
/// `before` or `after`: the container runs a hook.
pub(super) const HOOK: &str = "berth.hook";
/// The paths of files that Compose once wrote into the container, a JSON array.
pub(super) const CARRIED: &str = "berth.carried";

/// What a new container is called until the old one has made room.
pub(super) fn temporary_name(name: &str, deployment: i64) -> String {
    format!("{name}.berth-{deployment}")
}

/// What an old container is called until the deployment has succeeded.
pub(super) fn kept_name(name: &str, deployment: i64) -> String {
    format!("{name}.old-{deployment}")
}

/// Whose place a container with a temporary name is to take, and in which deployment.
pub(super) fn of_temporary_name(name: &str) -> Option<(&str, i64)> {
    numbered(name, "berth-")
}

/// What a container with such a name was called before, and in which deployment it was kept.
pub(super) fn of_kept_name(name: &str) -> Option<(&str, i64)> {
    numbered(name, "old-")
}

fn numbered<'n>(name: &'n str, what: &str) -> Option<(&'n str, i64)> {
    let (name, suffix) = name.rsplit_once('.')?;
    let number = suffix.strip_prefix(what)?;
    // As it is written by `format!`, and not `+7` or `007`.
    let deployment: i64 = number.parse().ok()?;
    (deployment.to_string() == number).then_some((name, deployment))
}

/// Reads `com.docker.compose.depends_on`: `db:service_healthy:true,cache:service_started:false`, in
/// any order. What is left out is what Compose takes for it.
pub(super) fn dependencies(label: &str) -> Vec<Dependency> {
    let mut all: Vec<Dependency> = label
        .split(',')
        .filter_map(|entry| {
            let mut parts = entry.trim().split(':');
            let service = parts.next().filter(|name| !name.is_empty())?;
            let condition = match parts.next() {
                Some("service_healthy") => Condition::Healthy,
                Some("service_completed_successfully") => Condition::Completed,
                _ => Condition::Started,
            };
            Some(Dependency {
                service: service.to_owned(),
                condition,
                restart: parts.next() == Some("true"),
            })
        })
        .collect();
    all.sort_by(|a, b| a.service.cmp(&b.service));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_in_any_order() {
        let read = |label| {
            let all = dependencies(label).into_iter();
            all.map(|it| (it.service, it.condition, it.restart))
                .collect::<Vec<_>>()
        };
        let both = [
            ("cache".to_owned(), Condition::Completed, false),
            ("db".to_owned(), Condition::Healthy, true),
        ];
        assert_eq!(
            read("db:service_healthy:true,cache:service_completed_successfully:false"),
            both
        );
        assert_eq!(
            read("cache:service_completed_successfully:false,db:service_healthy:true"),
            both
        );
        assert_eq!(read("db"), [("db".to_owned(), Condition::Started, false)]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn names_tell_whose_they_are_and_of_which_deployment() {
        let (temporary, kept) = (temporary_name("shop-web-1", 7), kept_name("shop-web-1", 7));
        assert_eq!(of_temporary_name(&temporary), Some(("shop-web-1", 7)));
        assert_eq!(of_kept_name(&kept), Some(("shop-web-1", 7)));
        assert_eq!(of_kept_name(&temporary), None);
        for name in [
            "shop-web-1",
            "web.old",
            "web.old-",
            "web.old-x",
            "web.old-07",
            "old-7",
        ] {
            assert_eq!(of_kept_name(name), None, "{name}");
        }
    }
}
