/// What needs somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A deployment waits for it.
    Approval,
    /// A deployment failed, and what ran before it could not be brought back.
    RollbackFailed,
    /// A deployment failed before anything was replaced, or had nothing to go back to.
    Failed,
    /// A deployment failed, and what ran before it runs again.
    RolledBack,
    /// An upstream is not asked, or does not answer.
    Upstream,
    /// A target can not be reached.
    Target,
    /// A project has used up most of its quota.
    Quota,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Approval,
        Self::RollbackFailed,
        Self::Failed,
        Self::RolledBack,
        Self::Upstream,
        Self::Target,
        Self::Quota,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::RollbackFailed => "rollback_failed",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Upstream => "upstream",
            Self::Target => "target",
            Self::Quota => "quota",
        }
    }
}
