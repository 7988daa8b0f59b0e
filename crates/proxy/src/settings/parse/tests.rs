use super::*;

#[test]
fn a_registry_is_asked_at_a_url_without_user_query_and_fragment() {
    for (text, expected) in [
        ("https://quay.io", "https://quay.io/"),
        ("HTTPS://Quay.io:443/", "https://quay.io/"),
        ("http://[::1]:5000", "http://[::1]:5000/"),
        ("https://host/a/b/", "https://host/a/b"),
    ] {
        assert_eq!(upstream_url(text).unwrap().as_str(), expected, "{text}");
    }
    for (text, expected) in [
        ("quay.io", InvalidSettings::Url),
        ("quay.io:443", InvalidSettings::Url),
        ("https://", InvalidSettings::Url),
        ("ftp://quay.io", InvalidSettings::Url),
        ("https://me@quay.io", InvalidSettings::UrlWithUser),
        ("https://:word@quay.io", InvalidSettings::UrlWithUser),
        ("https://quay.io?a", InvalidSettings::UrlWithQuery),
        ("https://quay.io#a", InvalidSettings::UrlWithQuery),
    ] {
        assert_eq!(upstream_url(text), Err(expected), "{text}");
    }
}

#[test]
fn a_proxy_is_a_url_of_http_https_or_socks5() {
    for text in ["http://h:1", "https://me:word@h", "socks5://[::1]:1080"] {
        assert_eq!(check_proxy(text), Ok(()), "{text}");
    }
    for text in ["h:1", "socks4://h", "socks5://", "http:", "file:///h"] {
        assert_eq!(check_proxy(text), Err(InvalidSettings::Proxy), "{text}");
    }
}

#[test]
fn a_pattern_matches_whole_tags() {
    for (pattern, matching, others) in [
        (r"v\d+", "v12", ["v12-rc", "av12"]),
        ("a|b", "b", ["ab", "bb"]),
        ("(?m)a$", "a", ["a\nb", "b\na"]),
    ] {
        let pattern = tag_pattern(pattern).unwrap();
        assert!(pattern.is_match(matching), "{pattern}");
        for other in others {
            assert!(!pattern.is_match(other), "{pattern} {other}");
        }
    }
}

#[test]
fn a_pattern_that_is_broken_or_large_is_refused_on_one_line() {
    for (text, reason) in [
        ("a(", "unclosed group"),
        ("a)|(b", "unopened group"),
        ("(?x)a #", "unclosed group"),
        (r"\w{99999}", "it takes too much memory"),
    ] {
        let expected = InvalidSettings::TagPattern {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        assert_eq!(tag_pattern(text).unwrap_err(), expected);
    }
}
