use crate::api::deployments::DeployedService;

/// A service that goes from one image to another.
pub(super) struct Move {
    pub(super) service: String,
    /// `None` if it is not known what it runs.
    pub(super) from: Option<String>,
    pub(super) to: String,
}

impl Move {
    /// Of all that are not left out.
    pub(super) fn all(services: &[DeployedService]) -> Vec<Self> {
        let moved = services.iter().filter(|it| it.left_out.is_none());
        let moves = moved.map(|service| Self {
            service: service.service.clone(),
            from: service.from_digest.clone(),
            to: service.to_digest.clone(),
        });
        moves.collect()
    }

    /// The way back, if there is one.
    pub(super) fn back(self) -> Option<Self> {
        Some(Self {
            service: self.service,
            to: self.from?,
            from: Some(self.to),
        })
    }
}
