use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// Where the outcomes of deployments are sent. Its path is often what nobody else may know.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct NotifyUrl(Url);

impl NotifyUrl {
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl fmt::Debug for NotifyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

impl FromStr for NotifyUrl {
    type Err = InvalidNotifyUrl;

    fn from_str(text: &str) -> Result<Self, InvalidNotifyUrl> {
        let url: Url = text.parse().map_err(|_| InvalidNotifyUrl::Url)?;
        if !["http", "https"].contains(&url.scheme()) {
            Err(InvalidNotifyUrl::Url)
        } else if !url.username().is_empty() || url.password().is_some() {
            Err(InvalidNotifyUrl::User)
        } else {
            Ok(Self(url))
        }
    }
}

/// None of the messages repeats the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidNotifyUrl {
    #[error("is no URL to send to: write https://alerts.example.com/berth")]
    Url,
    #[error(
        "holds a user, but it is by its signature that a notification is known: write \
         https://alerts.example.com/berth"
    )]
    User,
}
