//! The languages of the page. Texts stand in the templates, in English; `texts/zh.json` has the Chinese
//! for each of them.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum_extra::extract::CookieJar;

use super::cookies;

static CHINESE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../texts/zh.json")).expect("a JSON object of texts")
});

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

/// A text that is no language of ours.
#[derive(Debug)]
pub(crate) struct UnknownLanguage;

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        match text {
            "en" => Ok(Self::English),
            "zh" => Ok(Self::Chinese),
            _ => Err(UnknownLanguage),
        }
    }
}

impl Language {
    /// The one that was chosen, or the first of the browser's that we have.
    pub(super) fn of(headers: &HeaderMap, jar: &CookieJar) -> Self {
        let chosen = jar.get(cookies::LANGUAGE);
        if let Some(language) = chosen.and_then(|cookie| cookie.value().parse().ok()) {
            return language;
        }
        let accepted = headers.get(ACCEPT_LANGUAGE);
        let accepted = accepted.and_then(|value| value.to_str().ok());
        accepted.map_or(Self::English, Self::preferred)
    }

    /// Of a header like `zh-CN,zh;q=0.9,en;q=0.8` (RFC 9110, section 12.5.4).
    fn preferred(accepted: &str) -> Self {
        let ranges = accepted.split(',').filter_map(|range| {
            let (range, quality) = range.split_once(';').unwrap_or((range, "q=1"));
            let quality: f32 = quality.trim().strip_prefix("q=")?.parse().ok()?;
            let primary = range.trim().split('-').next()?;
            let language = primary.to_ascii_lowercase().parse().ok()?;
            (quality > 0.0).then_some((quality, language))
        });
        // The first of those that are wanted most.
        let best = ranges.reduce(|best, other| if other.0 > best.0 { other } else { best });
        best.map_or(Self::English, |(_, language)| language)
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// For `lang` (BCP 47).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// What stands between two sentences; a full stop of Chinese has its own room.
    pub(super) fn gap(self) -> &'static str {
        match self {
            Self::English => " ",
            Self::Chinese => "",
        }
    }

    /// What stands between words and what they announce.
    pub(super) fn colon(self) -> &'static str {
        match self {
            Self::English => ": ",
            Self::Chinese => "：",
        }
    }

    /// What stands between the words of a list.
    pub(super) fn comma(self) -> &'static str {
        match self {
            Self::English => ", ",
            Self::Chinese => "、",
        }
    }

    /// The text in this language; it is written in English.
    pub(super) fn say(self, text: &'static str) -> &'static str {
        match self {
            Self::English => text,
            Self::Chinese => CHINESE.get(text).copied().unwrap_or(text),
        }
    }

    /// A text with a value in place of its `{}`.
    pub(super) fn fill(self, text: &'static str, value: impl Display) -> String {
        self.say(text).replacen("{}", &value.to_string(), 1)
    }

    /// `one` or `many`, with the number in place of their `{}`. Chinese has only the latter.
    pub(super) fn count(self, number: u64, one: &'static str, many: &'static str) -> String {
        match (self, number) {
            (Self::English, 1) => self.fill(one, number),
            _ => self.fill(many, number),
        }
    }
}

#[cfg(test)]
mod tests;
