use super::*;

fn parse(url: &str) -> Result<PublicUrl, InvalidPublicUrl> {
    PublicUrl::try_from(url.to_owned())
}

#[test]
fn a_public_url_is_a_scheme_and_a_host_without_a_slash_behind() {
    for (url, scheme, shown) in [
        (
            "https://Registry.example.com",
            Scheme::Https,
            "https://registry.example.com",
        ),
        (
            "https://registry.example.com:8443/",
            Scheme::Https,
            "https://registry.example.com:8443",
        ),
        (
            "http://localhost:5000",
            Scheme::Http,
            "http://localhost:5000",
        ),
        ("http://[::1]:5000/", Scheme::Http, "http://[::1]:5000"),
    ] {
        let parsed = parse(url).unwrap();
        assert_eq!(parsed.scheme(), scheme, "{url}");
        assert_eq!(parsed.to_string(), shown);
    }
}

#[test]
fn a_public_url_with_anything_more_is_refused() {
    use InvalidPublicUrl as E;
    for (url, error) in [
        ("registry.example.com", E::Scheme),
        ("ftp://registry.example.com", E::Scheme),
        ("https:registry.example.com", E::Scheme),
        ("https://user:secret@registry.example.com", E::User),
        ("https://registry.example.com/registry", E::Path),
        ("https://registry.example.com//", E::Path),
        ("https://registry.example.com?a=b", E::Path),
        ("https://registry.example.com/#a", E::Path),
        ("https://", E::Host),
        ("https:///", E::Host),
        ("https://registry.example.com:port", E::Host),
        ("https://registry example.com", E::Host),
    ] {
        assert_eq!(parse(url), Err(error), "{url}");
    }
}
