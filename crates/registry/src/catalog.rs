use berth_oci::{ProjectName, RepositoryName};

use crate::browse::{Page, Visible, Walk};
use crate::db::DbError;
use crate::registry::Registry;

impl Registry {
    /// At most `limit` repositories that have a manifest and that the caller may see, in order of
    /// the bytes of their names. `projects` are those that can hold one; without, all.
    pub(crate) async fn repositories(
        &self,
        after: Option<&str>,
        limit: usize,
        projects: Option<&[ProjectName]>,
        visible: &Visible<'_>,
    ) -> Result<Page<RepositoryName>, DbError> {
        let mut connection = self.db.read().await?;
        let walk = Walk {
            after: after.unwrap_or_default(),
            project: None,
            projects,
            limit,
            wanted: &|row| row.has_manifest && visible(&row.name),
        };
        walk.page(&mut connection).await
    }
}
