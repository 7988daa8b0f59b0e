use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use berth_registry::sentence;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;

const LIMIT: usize = 100;

/// Which part of a list is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The most entries of this page; the server may send fewer
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub(crate) limit: Option<usize>,
    /// `next` of the page before
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    pub(crate) fn first() -> Self {
        Self {
            limit: None,
            cursor: None,
        }
    }

    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        match self.limit.unwrap_or(LIMIT) {
            limit @ 1..=1000 => Ok(limit),
            limit => Err(Problem::bad_request(sentence!(
                "`limit` is a number from 1 to 1000, not {limit}"
            ))),
        }
    }

    /// The name that the page before ended with.
    pub(crate) fn after(&self) -> &str {
        self.cursor.as_deref().unwrap_or_default()
    }

    /// A cursor that is more than a name.
    pub(crate) fn cursor<T: std::str::FromStr>(&self) -> Result<Option<T>, Problem> {
        let parsed = self.cursor.as_ref().map(|cursor| cursor.parse());
        parsed.transpose().map_err(|_| {
            Problem::bad_request(sentence("`cursor` is taken from `next` of the page before"))
        })
    }
}

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    /// The `cursor` of the next page; null behind the last one
    pub(crate) next: Option<String>,
}

impl<T> List<T> {
    pub(crate) fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next }
    }

    /// Of one entry more than `limit`, if the list goes on; the cursor is the name of the last.
    pub(crate) fn by_name<R>(
        mut rows: Vec<R>,
        limit: usize,
        name: impl Fn(&R) -> String,
        item: impl Fn(R) -> T,
    ) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(name);
        Self::new(rows.into_iter().map(item).collect(), next)
    }
}

/// The query of a request. An unknown value is a bad request in our own form.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(parameters) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Problem::bad_request(sentence!("the query: {error}")))?;
        Ok(Self(parameters))
    }
}
