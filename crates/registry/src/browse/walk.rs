use std::collections::BTreeSet;

use berth_oci::{ProjectName, RepositoryName};
use sqlx::SqliteConnection;

use super::{LOOKED_AT, Page};
use crate::db::browse::repositories::{Between, RepositoryRow};
use crate::db::{self, DbError, signed};

/// So many names are read at once.
const BATCH: usize = 200;
/// No name begins before it; those of what was deleted do.
const BEFORE_ALL: char = '0';
/// Comes behind every character of a name.
const BEHIND_ALL: char = '~';
/// Stands before the id of a repository where a name could stand, and is part of no name.
const ID: char = '#';

/// Whether the caller may see a repository.
pub type Visible<'v> = dyn Fn(&RepositoryName) -> bool + Send + Sync + 'v;

/// A walk over repositories, in order of the bytes of their names.
pub(crate) struct Walk<'w> {
    /// Where the page before has ended, or empty.
    pub(crate) after: &'w str,
    /// Only this project.
    pub(crate) project: Option<&'w ProjectName>,
    /// Only these projects; what lies between them is not read.
    pub(crate) projects: Option<&'w [ProjectName]>,
    pub(crate) limit: usize,
    pub(crate) wanted: &'w (dyn Fn(&RepositoryRow) -> bool + Send + Sync + 'w),
}

impl Walk<'_> {
    pub(crate) async fn page(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Page<RepositoryName>, DbError> {
        let mut items: Vec<RepositoryName> = Vec::new();
        if self.limit == 0 {
            return Ok(Page { items, next: None });
        }
        let mut after = self.start(connection).await?;
        let mut looked_at = 0;
        for span in self.spans_behind(&after) {
            loop {
                let piece = Between {
                    first: after.as_str().max(&span.first),
                    last: &span.last,
                    after: &after,
                    limit: signed(BATCH as u64),
                };
                let rows = db::browse::repositories::between(connection, &piece).await?;
                let end_of_span = rows.len() < BATCH;
                for row in rows {
                    let wanted = (self.wanted)(&row);
                    if wanted && items.len() == self.limit {
                        let next = items.last().map(RepositoryName::to_string);
                        return Ok(Page { items, next });
                    }
                    looked_at += 1;
                    if looked_at == LOOKED_AT {
                        let next = Some(self.place_of(&row, wanted));
                        items.extend(wanted.then_some(row.name));
                        return Ok(Page { items, next });
                    }
                    row.name.as_str().clone_into(&mut after);
                    items.extend(wanted.then_some(row.name));
                }
                if end_of_span {
                    break;
                }
            }
        }
        Ok(Page { items, next: None })
    }

    async fn start(&self, connection: &mut SqliteConnection) -> Result<String, DbError> {
        let Some(id) = self.after.strip_prefix(ID) else {
            return Ok(self.after.to_owned());
        };
        // What is no place, or is gone since, begins again.
        let Ok(id) = id.parse() else {
            return Ok(String::new());
        };
        let name = db::browse::repositories::name_of(connection, id).await?;
        Ok(name.unwrap_or_default())
    }

    /// The caller may not see the name that a short page has come to, so its id stands for it.
    fn place_of(&self, row: &RepositoryRow, wanted: bool) -> String {
        if wanted {
            row.name.to_string()
        } else {
            format!("{ID}{}", row.id)
        }
    }

    /// Where to look, in order.
    fn spans_behind(&self, after: &str) -> Vec<Span> {
        let projects: BTreeSet<_> = match (self.project, self.projects) {
            (None, None) => return vec![Span::all()],
            (Some(project), None) => BTreeSet::from([project]),
            (None, Some(projects)) => projects.iter().collect(),
            (Some(project), Some(projects)) => {
                projects.iter().filter(|other| *other == project).collect()
            }
        };
        let mut spans: Vec<_> = projects.into_iter().flat_map(Span::of).collect();
        spans.retain(|span| span.last.as_str() > after);
        spans.sort();
        spans
    }
}

/// The names from the first to the last, both included.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    first: String,
    last: String,
}

impl Span {
    fn all() -> Self {
        Self {
            first: BEFORE_ALL.to_string(),
            last: BEHIND_ALL.to_string(),
        }
    }

    /// The repository that is named as its project, and those below it: `a-b` comes between `a` and
    /// `a/b`, since `-` comes before `/`.
    fn of(project: &ProjectName) -> [Self; 2] {
        [
            Self {
                first: project.to_string(),
                last: project.to_string(),
            },
            Self {
                first: format!("{project}/"),
                last: format!("{project}/{BEHIND_ALL}"),
            },
        ]
    }
}
