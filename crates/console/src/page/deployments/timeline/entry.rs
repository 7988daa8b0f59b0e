use berth_deployer::engine::Phase;

/// What an entry of a timeline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Push,
    /// Somebody gave the tag to another image that was here.
    Retag,
    /// Somebody asked for it.
    Request,
    /// Services were found that use what was pushed.
    Match,
    Quiet,
    /// Another deployment of the stack comes first.
    Turn,
    Wait,
    Approval,
    /// All steps of the phase, of one service.
    Steps(Phase),
    Rollback,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    Current,
    /// Begun, and going on behind the current entry.
    Partly,
    Failed,
    TakenBack,
    Ahead,
}

impl Progress {
    pub(super) fn is_open(self) -> bool {
        match self {
            Self::Current | Self::Partly | Self::Ahead => true,
            Self::Done | Self::Failed | Self::TakenBack => false,
        }
    }

    /// For the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Current => "current",
            Self::Partly => "partly",
            Self::Failed => "failed",
            Self::TakenBack => "taken_back",
            Self::Ahead => "ahead",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) stage: Stage,
    /// The image or the services; empty where it is about all.
    pub(crate) about: String,
    pub(crate) by: Option<String>,
    pub(crate) at: Option<String>,
    /// Until now, if it is not over.
    pub(crate) took_ms: Option<i64>,
    /// When it will be over, if that is known.
    pub(crate) due_at: Option<String>,
    pub(crate) progress: Progress,
    /// Why, as the server says it.
    pub(crate) detail: Option<String>,
}

impl Entry {
    pub(super) fn new(stage: Stage, progress: Progress) -> Self {
        Self {
            stage,
            about: String::new(),
            by: None,
            at: None,
            took_ms: None,
            due_at: None,
            progress,
            detail: None,
        }
    }
}
