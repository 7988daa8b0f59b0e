use reqwest::Url;

/// Hosts that an administrator has named: `host`, `host:port` or `*.domain`.
pub(super) struct AllowedHosts(Vec<Pattern>);

struct Pattern {
    host: String,
    /// Whether names below `host` are meant, and not itself.
    below: bool,
    port: Option<u16>,
}

impl AllowedHosts {
    pub(super) fn new(patterns: &[String]) -> Self {
        Self(patterns.iter().map(|text| Pattern::new(text)).collect())
    }

    pub(super) fn url(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        let port = url.port_or_known_default();
        let mut named = self.0.iter().filter(|pattern| pattern.covers(host));
        named.any(|pattern| pattern.port.is_none() || pattern.port == port)
    }

    /// Whether a host is named for any port.
    pub(super) fn host(&self, host: &str) -> bool {
        self.0.iter().any(|pattern| pattern.covers(host))
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        let (name, port) = match text.rsplit_once(':') {
            // The colons of an IPv6 address without brackets belong to it.
            Some((name, _)) if name.contains(':') && !name.ends_with(']') => (text.as_str(), None),
            Some((name, port)) => match port.parse() {
                Ok(port) => (name, Some(port)),
                Err(_) => (text.as_str(), None),
            },
            None => (text.as_str(), None),
        };
        let below = name.strip_prefix("*.");
        Self {
            host: bare(below.unwrap_or(name)).to_owned(),
            below: below.is_some(),
            port,
        }
    }

    fn covers(&self, host: &str) -> bool {
        let host = bare(host);
        if !self.below {
            return host == self.host;
        }
        host.strip_suffix(&self.host)
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }
}

fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::AllowedHosts;

    #[test]
    fn a_pattern_names_a_host_a_port_or_what_is_below_a_domain() {
        let cases = [
            ("cdn.corp", "https://cdn.corp/x", true),
            ("CDN.corp", "https://cdn.corp:8443/x", true),
            ("cdn.corp:8443", "https://cdn.corp:8443/x", true),
            ("cdn.corp:443", "https://cdn.corp/x", true),
            ("cdn.corp:8443", "https://cdn.corp/x", false),
            ("*.corp", "https://cdn.corp/x", true),
            ("*.corp", "https://a.cdn.corp/x", true),
            ("*.corp", "https://corp/x", false),
            ("*.corp", "https://evilcorp/x", false),
            ("*.corp:8443", "https://cdn.corp/x", false),
            ("10.0.0.7", "https://10.0.0.7/x", true),
            ("10.0.0.7:5000", "http://10.0.0.7:5000/x", true),
            ("fd00::7", "https://[fd00::7]/x", true),
            ("[fd00::7]:5000", "https://[fd00::7]:5000/x", true),
            ("[fd00::7]:5000", "https://[fd00::7]/x", false),
        ];
        for (pattern, url, expected) in cases {
            let allowed = AllowedHosts::new(&[pattern.to_owned()]);
            let url = url.parse().expect("a URL");
            assert_eq!(allowed.url(&url), expected, "{pattern} {url}");
        }
    }
}
