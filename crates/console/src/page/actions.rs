//! Actions, for people to tick.

use berth_registry::auth::{Action, ActionSet, BuiltinRole};

use super::language::Language;
use super::ticked::Ticked;

/// What the names of their fields begin with.
const FIELD: &str = "action_";

/// Boxes for what may be given.
pub(super) struct ActionBoxes {
    /// What most accounts are for.
    pub(super) on_images: Vec<ActionBox>,
    pub(super) others: Vec<ActionBox>,
}

pub(super) struct ActionBox {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) ticked: bool,
}

/// Those that a project knows; the owner of one may do all of it.
pub(super) fn of_projects() -> ActionSet {
    BuiltinRole::Owner.actions()
}

impl ActionBoxes {
    /// For all that somebody may give, with those ticked that are given.
    pub(super) fn new(language: Language, offered: ActionSet, given: ActionSet) -> Self {
        let everything = given == ActionSet::ALL;
        let offered_one = |action: &Action| offered.contains(*action);
        let actions = Action::ALL.into_iter().filter(offered_one);
        let one = |action: Action| ActionBox {
            name: action.as_str(),
            meaning: meaning(language, action),
            ticked: !everything && given.contains(action),
        };
        let on_images =
            |action: &Action| matches!(action, Action::Pull | Action::Push | Action::Delete);
        let (on_images, others): (Vec<_>, Vec<_>) = actions.partition(on_images);
        let mut others: Vec<_> = others.into_iter().map(one).collect();
        if offered == ActionSet::ALL {
            others.push(ActionBox {
                name: ActionSet::EVERYTHING,
                meaning: language.say("all of these, and what later versions add"),
                ticked: everything,
            });
        }
        Self {
            on_images: on_images.into_iter().map(one).collect(),
            others,
        }
    }

    /// The names of all, for who writes them.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let all = self.on_images.iter().chain(&self.others);
        all.map(|action| action.name).collect()
    }
}

/// The names of those that were ticked.
pub(super) fn ticked(boxes: Ticked) -> Vec<String> {
    boxes.behind(FIELD)
}

pub(super) fn meaning(language: Language, action: Action) -> &'static str {
    use Action as A;
    let say = |text| language.say(text);
    match action {
        A::Pull => say("pull images"),
        A::Push => say("push images and move tags"),
        A::Delete => say("delete images, tags and repositories"),
        A::ProjectManage => say("change a project and its rules, and delete it"),
        A::MemberManage => say("say who is a member of a project, with which roles"),
        A::RobotManage => say("make, change and delete robots"),
        A::AuditRead => say("read the audit log"),
        A::ProjectCreate => say("make projects"),
        A::UserManage => say("make, change and delete users"),
        A::MetricsRead => say("read /metrics, as Prometheus does"),
        A::UpstreamRead => say("see upstreams, groups and their caches"),
        A::UpstreamManage => say("change upstreams and groups, and fill caches ahead of need"),
        A::DeployRun => say("deploy by hand"),
        A::DeployRollback => say("roll deployments back"),
        A::DeployHold => say("hold stacks and pin services"),
        A::DeployApprove => say("approve and cancel deployments"),
        A::TargetRead => say("see targets, and all that runs there"),
        A::TargetManage => say("change the rules of deployments"),
        A::StorageManage => say("collect what nothing needs, and set quotas"),
    }
}
