use axum::http::HeaderMap;
use berth_registry::http::Scheme;

use super::*;

fn asked(method: Method, headers: &[(&'static str, &str)]) -> bool {
    let client = Client {
        address: [127, 0, 0, 1].into(),
        scheme: Scheme::Http,
        host: Some("berth.example:5000".to_owned()),
    };
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect();
    from_elsewhere(&method, &headers, Some(&client))
}

#[test]
fn what_another_site_sends_is_told_from_what_this_page_sends() {
    for (headers, elsewhere) in [
        (&[("sec-fetch-site", "same-origin")][..], false),
        // Typed, or from a bookmark.
        (&[("sec-fetch-site", "none")], false),
        (&[("sec-fetch-site", "cross-site")], true),
        (&[("sec-fetch-site", "same-site")], true),
        (
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://berth.example:5000"),
            ],
            true,
        ),
        (&[("origin", "http://berth.example:5000")], false),
        (&[("origin", "http://berth.example")], true),
        (&[("origin", "https://evil.example")], true),
        (&[("origin", "null")], true),
        // No browser of the last years.
        (&[], false),
    ] {
        assert_eq!(asked(Method::POST, headers), elsewhere, "{headers:?}");
        assert!(!asked(Method::GET, headers), "{headers:?}");
    }
}
