use std::str::FromStr;

use axum_extra::extract::CookieJar;

use super::cookies;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system is.
    System,
    Light,
    Dark,
}

/// A text that is no theme.
#[derive(Debug)]
pub(crate) struct UnknownTheme;

impl FromStr for Theme {
    type Err = UnknownTheme;

    fn from_str(text: &str) -> Result<Self, UnknownTheme> {
        match text {
            "system" => Ok(Self::System),
            "light" => Ok(Self::Light),
            "dark" => Ok(Self::Dark),
            _ => Err(UnknownTheme),
        }
    }
}

impl Theme {
    pub(super) fn of(jar: &CookieJar) -> Self {
        let chosen = jar.get(cookies::THEME);
        chosen
            .and_then(|cookie| cookie.value().parse().ok())
            .unwrap_or(Self::System)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}
