use regex::{Regex, RegexBuilder};
use reqwest::Url;

use super::InvalidSettings;

/// The most memory that one pattern of tags takes.
const PATTERN_BYTES: usize = 1024 * 1024;

/// Reads where a registry is asked; its path has no slash at the end, unless it is the root.
pub fn upstream_url(text: &str) -> Result<Url, InvalidSettings> {
    let mut url: Url = text.parse().map_err(|_| InvalidSettings::Url)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(InvalidSettings::Url);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidSettings::UrlWithUser);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(InvalidSettings::UrlWithQuery);
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Says whether a text is the URL of a proxy, which may hold a user and a password.
pub fn check_proxy(text: &str) -> Result<(), InvalidSettings> {
    let url: Url = text.parse().map_err(|_| InvalidSettings::Proxy)?;
    if matches!(url.scheme(), "http" | "https" | "socks5") && url.has_host() {
        Ok(())
    } else {
        Err(InvalidSettings::Proxy)
    }
}

/// Reads a regular expression as one that matches whole tags only.
pub fn tag_pattern(text: &str) -> Result<Regex, InvalidSettings> {
    // Alone first, since `a)|(b` would step out of the group below.
    compile(text)
        .and_then(|_| compile(&format!("^(?:{text})$")))
        .map_err(|reason| InvalidSettings::TagPattern {
            text: text.to_owned(),
            reason,
        })
}

/// The text that [`tag_pattern`] has read.
pub(super) fn tag_pattern_text(pattern: &Regex) -> &str {
    let whole = pattern.as_str();
    let inner = whole
        .strip_prefix("^(?:")
        .and_then(|text| text.strip_suffix(")$"));
    inner.unwrap_or(whole)
}

fn compile(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).size_limit(PATTERN_BYTES).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it takes too much memory".to_owned(),
        // The last of several lines says what is wrong; those before it draw where.
        error => {
            let lines = error.to_string();
            let last = lines.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    })
}

#[cfg(test)]
mod tests;
