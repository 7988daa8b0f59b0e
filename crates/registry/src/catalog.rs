use berth_oci::Page;

use crate::db::{self, DbError, signed};
use crate::registry::Registry;
use crate::source::Listing;

impl Registry {
    /// At most `limit` repositories that have an image, in order of the bytes of their names.
    pub(crate) async fn repositories(
        &self,
        page: &Page,
        limit: usize,
    ) -> Result<Listing<String>, DbError> {
        let mut connection = self.db.read().await?;
        let asked = signed(limit as u64).saturating_add(1);
        let names = db::repositories::list(&mut connection, page, asked).await?;
        Ok(Listing::of(names, limit))
    }
}
