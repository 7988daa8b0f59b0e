use axum::body::Body;

use super::*;

const PROXY: &str = "10.0.0.1";

fn proxies() -> TrustedProxies {
    TrustedProxies::new(&["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
}

/// The client of a request with these headers, from a connection of `peer` without TLS.
fn client(peer: &str, headers: &[(&str, &[u8])]) -> Client {
    let mut request = Request::builder().uri("/v2/");
    for &(name, value) in headers {
        request = request.header(name, value);
    }
    let address = peer.parse().unwrap();
    let origin = Origin {
        address,
        scheme: Scheme::Http,
        proxy: proxies().contains(address),
    };
    proxies().client(&origin, &request.body(Body::empty()).unwrap())
}

#[test]
fn the_last_address_that_is_no_proxy_is_the_client() {
    let cases: [(&[&[u8]], &str); 21] = [
        (&[b"192.0.2.1"], "192.0.2.1"),
        (&[b"192.0.2.1:4711"], "192.0.2.1"),
        (&[b"2001:db8::1"], "2001:db8::1"),
        (&[b"[2001:db8::1]"], "2001:db8::1"),
        (&[b"[2001:db8::1]:4711"], "2001:db8::1"),
        (&[b"::ffff:192.0.2.1"], "192.0.2.1"),
        (&[b" 192.0.2.1\t"], "192.0.2.1"),
        // The client made the first one up.
        (&[b"203.0.113.9, 192.0.2.1"], "192.0.2.1"),
        (&[b"10.9.9.9,192.0.2.1"], "192.0.2.1"),
        (&[b"203.0.113.9", b"192.0.2.1"], "192.0.2.1"),
        // More proxies before the last one.
        (&[b"203.0.113.9, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        (&[b"192.0.2.1", b"fd00::1,10.0.0.2"], "192.0.2.1"),
        (&[b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&[b"192.0.2.1, unknown"], PROXY),
        (&[b"192.0.2.1, unknown, 10.0.0.2"], "10.0.0.2"),
        (&[b"192.0.2.1,"], PROXY),
        (&[b"192.0.2.1, "], PROXY),
        (&[b"192.0.2.1, \xff"], PROXY),
        (&[b"[192.0.2.1]"], PROXY),
        (&[b"192.0.2.1:port"], PROXY),
        (&[], PROXY),
    ];
    for (lines, expected) in cases {
        let headers: Vec<_> = lines
            .iter()
            .map(|&line| ("x-forwarded-for", line))
            .collect();
        let address = client(PROXY, &headers).address;
        assert_eq!(address.to_string(), expected, "{headers:?}");
    }
}

#[test]
fn the_scheme_and_host_are_what_the_nearest_proxy_says() {
    let cases: [(&str, &[u8], Scheme); 6] = [
        ("x-forwarded-proto", b"https", Scheme::Https),
        ("x-forwarded-proto", b"HTTPS", Scheme::Https),
        ("x-forwarded-proto", b"http, https", Scheme::Https),
        ("x-forwarded-proto", b"https,http", Scheme::Http),
        ("x-forwarded-proto", b"wss", Scheme::Http),
        ("x-forwarded-scheme", b"https", Scheme::Http),
    ];
    for (name, value, scheme) in cases {
        assert_eq!(client(PROXY, &[(name, value)]).scheme, scheme, "{value:?}");
    }
    let cases: [(&[u8], &str); 5] = [
        (b"Registry.example.com", "registry.example.com"),
        (b"a, registry.example.com:8443", "registry.example.com:8443"),
        (b"registry.example.com/path", "berth:5000"),
        (b"", "berth:5000"),
        (b"\xff", "berth:5000"),
    ];
    for (value, host) in cases {
        let headers: [(&str, &[u8]); 2] = [("host", b"berth:5000"), ("x-forwarded-host", value)];
        let client = client(PROXY, &headers);
        assert_eq!(client.host.as_deref(), Some(host), "{value:?}");
    }
}

#[test]
fn one_who_is_no_proxy_is_not_believed() {
    let headers: [(&str, &[u8]); 4] = [
        ("host", b"berth:5000"),
        ("x-forwarded-for", b"192.0.2.1"),
        ("x-forwarded-proto", b"https"),
        ("x-forwarded-host", b"registry.example.com"),
    ];
    for peer in ["192.0.2.7", "11.0.0.1", "fe80::1"] {
        let expected = Client {
            address: peer.parse().unwrap(),
            scheme: Scheme::Http,
            host: Some("berth:5000".to_owned()),
        };
        assert_eq!(client(peer, &headers), expected);
    }
}

#[test]
fn the_host_is_what_was_asked_or_nothing() {
    let ask = |uri: &str, hosts: &[&[u8]]| {
        let mut request = Request::builder().uri(uri);
        for &host in hosts {
            request = request.header(HOST, host);
        }
        asked_host(&request.body(Body::empty()).unwrap())
    };
    let host = Some("berth:5000".to_owned());
    assert_eq!(ask("/v2/", &[b"Berth:5000"]), host);
    assert_eq!(ask("http://berth:5000/v2/", &[]), host);
    assert_eq!(ask("http://berth:5000/v2/", &[b"other"]), host);
    assert_eq!(ask("http://user@berth:5000/v2/", &[]), None);
    for hosts in [
        &[][..],
        &[b"berth:5000".as_slice(), b"berth:5000"],
        &[b"berth:5000/"],
        &[b"berth\t"],
        &[b"\xff"],
        &[b""],
    ] {
        assert_eq!(ask("/v2/", hosts), None, "{hosts:?}");
    }
}
