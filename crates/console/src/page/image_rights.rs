use berth_deployer::ImageReference;
use berth_registry::auth::{Action, ActionSet, Target};

use super::visitor::Visitor;
use crate::api::problem::Problem;
use crate::console::Console;

/// What a visitor may do with the images of services. Those that they may not pull are left out: they
/// are of another registry, or hidden.
pub(super) struct ImageRights(Vec<ActionSet>);

impl ImageRights {
    /// `images` as services name them: `registry.example.com/shop/web:live`.
    pub(super) async fn of(
        console: &Console,
        visitor: &Visitor,
        images: &[&str],
    ) -> Result<Self, Problem> {
        let mut sets = Vec::new();
        for image in images {
            let Ok(image) = image.parse::<ImageReference>() else {
                continue;
            };
            let target = Target::Repository(&image.repository);
            let may = console.registry.actions_on(&visitor.signed.0, target);
            sets.push(may.await?);
        }
        sets.retain(|may| may.contains(Action::Pull));
        Ok(Self(sets))
    }

    /// Whether there are images, and the visitor has the right on all of them.
    pub(super) fn on_all(&self, action: Action) -> bool {
        !self.0.is_empty() && self.0.iter().all(|may| may.contains(action))
    }
}
