//! What was done, in words.

use berth_registry::auth::Action;

use super::super::actions::meaning;
use super::super::language::Language;

/// What the log can have, beside the rights that somebody lacked.
pub(super) const ALL: [&str; 51] = [
    "sign_in",
    "session.start",
    "session.end",
    "password.change",
    "password.reset",
    "user.create",
    "user.change",
    "user.delete",
    "token.create",
    "token.delete",
    "robot.create",
    "robot.change",
    "robot.renew",
    "robot.delete",
    "project.create",
    "project.change",
    "project.delete",
    "member.set",
    "member.remove",
    "role.set",
    "role.delete",
    "manifest.push",
    "manifest.delete",
    "tag.move",
    "tag.delete",
    "blob.delete",
    "repository.delete",
    "deletion.restore",
    "immutable_rule.create",
    "immutable_rule.delete",
    "retention.set",
    "retention.delete",
    "retention.start",
    "retention.end",
    "quota.change",
    "quota.warning",
    "collection.run",
    "upstream.create",
    "upstream.change",
    "upstream.delete",
    "deploy.run",
    "deploy.rollback",
    "deploy.approve",
    "deploy.cancel",
    "deploy.hold",
    "deploy.release",
    "deploy.pin",
    "deploy.unpin",
    "deploy_rule.create",
    "deploy_rule.delete",
    "backup.restore",
];

/// The rights whose lack is noted under their own name.
pub(super) fn rights() -> impl Iterator<Item = &'static str> {
    let rights = Action::ALL.into_iter().map(Action::as_str);
    rights.filter(|right| !ALL.contains(right))
}

/// What an action of the log is, if this version knows it.
pub(super) fn words(language: Language, action: &str) -> Option<&'static str> {
    let say = |text| language.say(text);
    Some(match action {
        "sign_in" => say("sign-in"),
        "session.start" => say("sign-in in a browser"),
        "session.end" => say("sign-out in a browser"),
        "password.change" => say("password changed"),
        "password.reset" => say("password reset"),
        "user.create" => say("user made"),
        "user.change" => say("user changed"),
        "user.delete" => say("user deleted"),
        "token.create" => say("token made"),
        "token.delete" => say("token revoked"),
        "robot.create" => say("robot made"),
        "robot.change" => say("robot changed"),
        "robot.renew" => say("secret of a robot renewed"),
        "robot.delete" => say("robot deleted"),
        "project.create" => say("project made"),
        "project.change" => say("project changed"),
        "project.delete" => say("project deleted"),
        "member.set" => say("roles of a member set"),
        "member.remove" => say("member removed"),
        "role.set" => say("role set"),
        "role.delete" => say("role deleted"),
        "manifest.push" => say("image pushed"),
        "manifest.delete" => say("image deleted"),
        "tag.move" => say("tag set"),
        "tag.delete" => say("tag deleted"),
        "blob.delete" => say("blob deleted"),
        "repository.delete" => say("repository deleted"),
        "deletion.restore" => say("deletion taken back"),
        "immutable_rule.create" => say("rule of immutable tags made"),
        "immutable_rule.delete" => say("rule of immutable tags deleted"),
        "retention.set" => say("retention policy set"),
        "retention.delete" => say("retention policy deleted"),
        "retention.start" => say("run of retention begun"),
        "retention.end" => say("run of retention ended"),
        "quota.change" => say("quota set"),
        "quota.warning" => say("quota nearly used up"),
        "collection.run" => say("space collected"),
        "upstream.create" => say("upstream or group made"),
        "upstream.change" => say("upstream or group changed"),
        "upstream.delete" => say("upstream or group removed"),
        "deploy.run" => say("deployment asked for"),
        "deploy.rollback" => say("rollback asked for"),
        "deploy.approve" => say("deployment approved"),
        "deploy.cancel" => say("deployment cancelled"),
        "deploy.hold" => say("stack held"),
        "deploy.release" => say("stack released"),
        "deploy.pin" => say("service pinned"),
        "deploy.unpin" => say("service unpinned"),
        "deploy_rule.create" => say("rule of deployments made"),
        "deploy_rule.delete" => say("rule of deployments deleted"),
        "backup.restore" => say("restored from a backup"),
        right => {
            return right
                .parse()
                .ok()
                .map(|right: Action| meaning(language, right));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use regex::Regex;

    use super::*;

    /// What the sources note in the log.
    fn noted() -> BTreeSet<String> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut folders: Vec<PathBuf> = ["registry", "deployer"]
            .map(|name| crates.join(name).join("src"))
            .into();
        let of = "backup|blob|collection|deletion|deploy|deploy_rule|immutable_rule|manifest|member|\
                  password|project|quota|repository|retention|robot|role|session|tag|token|\
                  upstream|user";
        let action = Regex::new(&format!("\"((?:{of})\\.[a-z]+)\"")).unwrap();
        let mut noted = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for file in fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("tests.rs") {
                    let source = fs::read_to_string(path).unwrap();
                    let found = action.captures_iter(&source);
                    noted.extend(found.map(|found| found[1].to_owned()));
                }
            }
        }
        noted.retain(|action| !is_right(action) && action != "backup.json");
        noted.insert("sign_in".to_owned());
        noted
    }

    fn is_right(action: &str) -> bool {
        action.parse::<Action>().is_ok()
    }

    #[test]
    fn every_action_of_the_log_has_words() {
        // Some are named as the right to them is.
        let all = ALL.into_iter().filter(|action| !is_right(action));
        assert_eq!(noted(), all.map(str::to_owned).collect());
        for action in ALL {
            assert!(words(Language::English, action).is_some(), "{action}");
        }
        for right in Action::ALL {
            assert!(
                words(Language::English, right.as_str()).is_some(),
                "{right}"
            );
        }
        assert_eq!(words(Language::English, "nothing.known"), None);
    }
}
