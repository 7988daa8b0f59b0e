use std::fmt;
use std::str::FromStr;

/// Something that one may be allowed to do, by the name that the API, roles and rows use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Store blobs and manifests, and move tags.
    Push,
    /// Delete tags, manifests and blobs.
    Delete,
    /// Change a project's settings and its custom roles, and delete the project.
    ProjectManage,
    /// Say who is a member of a project, and with which roles.
    MemberManage,
    /// Make, change and remove robots.
    RobotManage,
    /// Read what was done.
    AuditRead,
    /// Make a project, by name or by a first push.
    ProjectCreate,
    /// Make, change and remove users, and reset their passwords.
    UserManage,
    /// Read `/metrics`.
    MetricsRead,
    /// See the upstreams and groups, and how their caches do.
    UpstreamRead,
    /// Make, change and remove upstreams and groups, and fetch images ahead of need.
    UpstreamManage,
    /// Have services run another digest of a repository: pushing is not deploying.
    DeployRun,
    /// Bring back what services of a repository ran before.
    DeployRollback,
    /// Keep services of a repository as they are: hold, release, pin and unpin them.
    DeployHold,
    /// Approve or cancel deployments of a repository.
    DeployApprove,
    /// See the targets of deployments, and all that runs there.
    TargetRead,
    /// Say what is deployed on targets beside what its labels say.
    TargetManage,
    /// See what would be collected, collect it, and say how much a project may have.
    StorageManage,
}

impl Action {
    pub const ALL: [Self; 19] = [
        Self::Pull,
        Self::Push,
        Self::Delete,
        Self::ProjectManage,
        Self::MemberManage,
        Self::RobotManage,
        Self::AuditRead,
        Self::ProjectCreate,
        Self::UserManage,
        Self::MetricsRead,
        Self::UpstreamRead,
        Self::UpstreamManage,
        Self::DeployRun,
        Self::DeployRollback,
        Self::DeployHold,
        Self::DeployApprove,
        Self::TargetRead,
        Self::TargetManage,
        Self::StorageManage,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::ProjectManage => "project.manage",
            Self::MemberManage => "member.manage",
            Self::RobotManage => "robot.manage",
            Self::AuditRead => "audit.read",
            Self::ProjectCreate => "project.create",
            Self::UserManage => "user.manage",
            Self::MetricsRead => "metrics.read",
            Self::UpstreamRead => "upstream.read",
            Self::UpstreamManage => "upstream.manage",
            Self::DeployRun => "deploy.run",
            Self::DeployRollback => "deploy.rollback",
            Self::DeployHold => "deploy.hold",
            Self::DeployApprove => "deploy.approve",
            Self::TargetRead => "target.read",
            Self::TargetManage => "target.manage",
            Self::StorageManage => "storage.manage",
        }
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| UnknownAction {
                name: text.to_owned(),
            })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no action: actions are {}", names())]
pub struct UnknownAction {
    name: String,
}

fn names() -> String {
    let names: Vec<_> = Action::ALL
        .iter()
        .map(|action| action.as_str())
        .chain([ActionSet::EVERYTHING])
        .collect();
    names.join(", ")
}

/// A set of actions.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ActionSet(u32);

impl ActionSet {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(u32::MAX);
    /// Stands for every action, also those of later versions.
    pub const EVERYTHING: &'static str = "*";

    pub const fn of(actions: &[Action]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < actions.len() {
            bits |= 1 << actions[index] as u32;
            index += 1;
        }
        Self(bits)
    }

    /// Reads names; one that is not known is an error.
    pub fn parse<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, UnknownAction> {
        names.into_iter().try_fold(Self::NONE, |set, name| {
            let unknown = || UnknownAction {
                name: name.to_owned(),
            };
            Ok(set | Self::parse_one(name).ok_or_else(unknown)?)
        })
    }

    /// Reads names that were stored; one that a later version has written grants nothing.
    pub(crate) fn of_stored<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        names
            .into_iter()
            .filter_map(Self::parse_one)
            .fold(Self::NONE, |set, action| set | action)
    }

    fn parse_one(name: &str) -> Option<Self> {
        if name == Self::EVERYTHING {
            return Some(Self::ALL);
        }
        Some(Self(name.parse::<Action>().ok()?.bit()))
    }

    pub fn contains(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    pub fn covers(self, other: Self) -> bool {
        self & other == other
    }

    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names, as they are stored and shown.
    pub fn names(self) -> Vec<String> {
        if self == Self::ALL {
            return vec![Self::EVERYTHING.to_owned()];
        }
        Action::ALL
            .into_iter()
            .filter(|&action| self.contains(action))
            .map(|action| action.as_str().to_owned())
            .collect()
    }
}

impl std::ops::BitOr for ActionSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitAnd for ActionSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Debug for ActionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}
