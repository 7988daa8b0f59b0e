//! What the cache of a registry holds and does, and how more is fetched into it.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Response};
use berth_registry::sentence;
use serde::Deserialize;

use super::filters;
use super::form::Form;
use super::frame::{self, Frame};
use super::lines;
use super::link;
use super::plot::{HOUR_MILLIS, Hours, Plot, Scale};
use super::visitor::Visitor;
use crate::api::caches::{self, Cache, Hour, Since, Warm, WarmedImage, Work};
use crate::api::document::Document;
use crate::api::list::{List, PageQuery, Parameters};
use crate::api::names::{CachePath, Named};
use crate::api::problem::Problem;
use crate::api::repositories::{self, Repository};
use crate::api::time;
use crate::console::Console;

/// How many days can be looked at.
const SPANS: [i64; 3] = [1, 7, 31];

#[derive(Template)]
#[template(path = "cache.html")]
struct CachePage {
    page: Frame,
    project: String,
    /// Not there once no upstream leads into it any more.
    cache: Option<Cache>,
    days: i64,
    /// The newest first.
    hours: Vec<Hour>,
    sum: Work,
    ratios: Plot,
    saved: Plot,
    repositories: List<Repository>,
    later: bool,
}

#[derive(Template)]
#[template(path = "warm.html")]
struct WarmPage {
    page: Frame,
    project: String,
    images: Vec<WarmedImage>,
}

/// How far back the plots go.
#[derive(Deserialize)]
pub(super) struct Span {
    days: Option<i64>,
}

/// Images that are to be fetched, and for which platforms, one a line.
#[derive(Deserialize)]
pub(super) struct WarmForm {
    images: String,
    platforms: Option<String>,
}

impl Work {
    /// How many of the blobs that were asked for did not have to come for it, of a hundred. What is
    /// fetched ahead nobody has asked for.
    pub(super) fn hit_percent(&self) -> Option<u64> {
        let spared = u128::from(self.hits) + u128::from(self.joins);
        if spared == 0 && self.served_bytes == 0 {
            return None;
        }
        let all = spared + u128::from(self.fills);
        let percent = (spared * 100).checked_div(all)?;
        u64::try_from(percent).ok()
    }

    fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.fills += other.fills;
        self.joins += other.joins;
        self.served_bytes += other.served_bytes;
        self.fetched_bytes += other.fetched_bytes;
        self.saved_bytes += other.saved_bytes;
    }
}

impl CachePage {
    fn spans(&self) -> [i64; 3] {
        SPANS
    }

    /// Text for an empty place of the plots.
    fn idle(&self) -> bool {
        self.hours.is_empty()
    }
}

impl Span {
    fn days(&self) -> Result<i64, Problem> {
        let days = self.days.unwrap_or(SPANS[0]);
        if SPANS.contains(&days) {
            Ok(days)
        } else {
            Err(Problem::bad_request(sentence!(
                "`days` is 1, 7 or 31, not {days}"
            )))
        }
    }
}

/// The cache with this project, if an upstream leads there.
pub(super) async fn find(
    console: State<Console>,
    visitor: &Visitor,
    project: &str,
) -> Result<Option<Cache>, Problem> {
    let Document(all) = caches::list(console, visitor.signed.clone()).await?;
    let mut all = all.list.items.into_iter();
    Ok(all.find(|cache| cache.project == project))
}

pub(super) async fn show(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<CachePath>,
    Parameters(span): Parameters<Span>,
    query: Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let later = query.0.cursor.is_some();
    let days = span.days()?;
    let project = path.project()?.to_string();
    let signed = || visitor.signed.clone();
    let shown = Hours::until(console.registry.clock().now(), days);
    let since = Parameters(Since {
        since: Some(shown.begin()),
    });
    let found = caches::hours(console.clone(), signed(), Named(path), since).await?;
    let Document(List {
        items: mut hours, ..
    }) = found;
    let cache = find(console.clone(), &visitor, &project).await?;
    let wanted = Parameters(repositories::Wanted {
        project: Some(project.clone()),
        q: None,
    });
    let found = repositories::list(console, signed(), wanted, query).await?;
    let Document(repositories) = found;
    let (mut ratios, mut saved) = (Vec::new(), Vec::new());
    let mut sum = Work::default();
    for hour in &hours {
        let number = time::parse("begins_at", &hour.begins_at)?.0 / HOUR_MILLIS;
        ratios.extend(hour.work.hit_percent().map(|percent| (number, percent)));
        saved.push((number, hour.work.saved_bytes));
        sum.add(&hour.work);
    }
    hours.reverse();
    Ok(frame::html(&CachePage {
        page: visitor.frame(),
        project,
        cache,
        days,
        hours,
        sum,
        ratios: Plot::new(shown, Scale::Percent, &ratios),
        saved: Plot::new(shown, Scale::Bytes, &saved),
        repositories,
        later,
    }))
}

pub(super) async fn show_warm(
    console: State<Console>,
    visitor: Visitor,
    Named(path): Named<CachePath>,
) -> Result<Response, Problem> {
    let project = path.project()?.to_string();
    let cache = find(console, &visitor, &project).await?;
    let cache = cache.ok_or_else(|| absent(&project))?;
    Ok(frame::html(&WarmPage {
        page: visitor.frame(),
        project: cache.project,
        images: Vec::new(),
    }))
}

/// Answers when all has come, with blanks before the page meanwhile: browsers skip them, and nobody
/// in between takes silence for the end.
pub(super) async fn warm(
    State(console): State<Console>,
    visitor: Visitor,
    Named(path): Named<CachePath>,
    Form(form): Form<WarmForm>,
) -> Result<Response, Problem> {
    let project = path.project()?.to_string();
    let wanted = Warm {
        images: lines::read(&form.images),
        platforms: lines::read(&form.platforms.unwrap_or_default()),
    };
    let work = caches::warming(console, &visitor.signed, wanted).await?;
    let page = visitor.frame();
    let shown = async move {
        let List { items: images, .. } = work.await;
        let page = WarmPage {
            page,
            project,
            images,
        };
        let text = page.render();
        Bytes::from(text.unwrap_or_else(|error| Problem::internal(error).detail))
    };
    let body: Body = caches::patiently(shown, caches::SIGN_OF_LIFE);
    Ok(Html(body).into_response())
}

pub(super) fn absent(project: &str) -> Problem {
    Problem::absent(sentence!("cache {project}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_of_which_no_client_was_given_anything_has_no_hit_ratio() {
        let percent = |hits, joins, fills, served_bytes| {
            let work = Work {
                hits,
                joins,
                fills,
                served_bytes,
                ..Work::default()
            };
            work.hit_percent()
        };
        assert_eq!(percent(0, 0, 0, 0), None);
        assert_eq!(percent(0, 0, 3, 0), None);
        assert_eq!(percent(0, 0, 3, 10), Some(0));
        assert_eq!(percent(1, 1, 2, 10), Some(50));
        assert_eq!(percent(1, 0, 0, 0), Some(100));
    }
}
