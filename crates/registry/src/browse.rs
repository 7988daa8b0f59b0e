//! What people look at: repositories, their tags and their images. Nothing here counts as a pull,
//! and nothing here knows of rights: who asks says what is visible.

mod image;
mod images;
mod platforms;
mod referrers;
mod repositories;
mod tags;
mod walk;

pub use image::{
    Child, Content, Descriptor, ImageDetail, ImageParts, Layer, Platform, is_image_config,
};
pub use images::{ImagePlace, ImageSummary, InvalidImagePlace};
pub use platforms::Platforms;
pub use referrers::ReferrerSummary;
pub use repositories::{RepositoryFilter, RepositorySummary};
pub use tags::TagSummary;
pub use walk::Visible;
pub(crate) use walk::Walk;

use crate::registry::Registry;
pub use crate::source::SourceError;

/// One call looks at so many names that were not asked for, and leaves the rest to the next one.
pub(crate) const LOOKED_AT: usize = 10_000;

/// A part of a list. It may be short of what was asked for and go on all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, P = String> {
    pub items: Vec<T>,
    /// What to give as `after` for the next part; `None` at the end.
    pub next: Option<P>,
}

impl<T, P> Page<T, P> {
    /// Of items that were asked for as one more than the limit.
    pub(crate) fn of(mut items: Vec<T>, limit: usize, place: impl FnOnce(&T) -> P) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(place);
        Self { items, next }
    }

    fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U, P> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            next: self.next,
        }
    }
}

impl Registry {
    /// No page has more entries than the configuration allows, whatever was asked for.
    fn page_limit(&self, asked: usize) -> usize {
        asked.min(self.limits.page_entries)
    }
}
