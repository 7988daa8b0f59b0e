use axum::response::Redirect;
use axum_extra::extract::CookieJar;
use serde::Deserialize;

use super::form::Form;
use super::language::Language;
use super::theme::Theme;
use super::{cookies, link};

/// What somebody has chosen, and where.
#[derive(Deserialize)]
pub(super) struct Chosen {
    language: Option<String>,
    theme: Option<String>,
    place: Option<String>,
}

/// Language and theme, for this browser. Everybody may choose, so that the sign-in can be read too.
pub(super) async fn set(Form(chosen): Form<Chosen>) -> (CookieJar, Redirect) {
    let mut jar = CookieJar::new();
    if let Some(Ok(language)) = chosen.language.map(|text| text.parse::<Language>()) {
        jar = jar.add(cookies::choice(cookies::LANGUAGE, language.code()));
    }
    if let Some(Ok(theme)) = chosen.theme.map(|text| text.parse::<Theme>()) {
        jar = jar.add(cookies::choice(cookies::THEME, theme.as_str()));
    }
    let place = chosen.place.as_deref().and_then(link::local);
    (jar, Redirect::to(place.unwrap_or("/")))
}
