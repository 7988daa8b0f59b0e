use std::fmt;
use std::str::FromStr;

use berth_oci::ProjectName;

use super::action::{Action, ActionSet};
use super::glob::RepositoryGlob;
use super::rights::Grant;

/// The roles that every project has; docs/rights.md has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltinRole {
    Reader,
    Writer,
    Maintainer,
    Owner,
}

impl BuiltinRole {
    pub const ALL: [Self; 4] = [Self::Reader, Self::Writer, Self::Maintainer, Self::Owner];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Maintainer => "maintainer",
            Self::Owner => "owner",
        }
    }

    pub fn actions(self) -> ActionSet {
        use Action as A;
        match self {
            Self::Reader => ActionSet::of(&[A::Pull]),
            Self::Writer => ActionSet::of(&[A::Pull, A::Push]),
            Self::Maintainer => ActionSet::of(&[
                A::Pull,
                A::Push,
                A::Delete,
                A::RobotManage,
                A::AuditRead,
                A::DeployRun,
                A::DeployRollback,
                A::DeployHold,
                A::DeployApprove,
            ]),
            Self::Owner => {
                Self::Maintainer.actions() | ActionSet::of(&[A::MemberManage, A::ProjectManage])
            }
        }
    }

    pub fn grant(self, project: &ProjectName) -> Grant {
        Grant {
            repositories: RepositoryGlob::of_project(project),
            actions: self.actions(),
        }
    }
}

/// The name of a role, built in or custom.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleName(Box<str>);

impl RoleName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn builtin(&self) -> Option<BuiltinRole> {
        BuiltinRole::ALL
            .into_iter()
            .find(|role| role.as_str() == &*self.0)
    }
}

impl From<BuiltinRole> for RoleName {
    fn from(role: BuiltinRole) -> Self {
        Self(role.as_str().into())
    }
}

impl FromStr for RoleName {
    type Err = super::name::InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        super::name::check("role", text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
