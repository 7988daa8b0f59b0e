use super::*;

#[test]
fn a_host_with_or_without_a_port_is_an_authority() {
    for (text, expected) in [
        ("localhost", "localhost"),
        ("Registry.Example.COM:8443", "registry.example.com:8443"),
        ("my_registry-1:5000", "my_registry-1:5000"),
        ("10.0.0.1:0", "10.0.0.1:0"),
        ("[::1]", "[::1]"),
        ("[FE80::1]:65535", "[fe80::1]:65535"),
    ] {
        let authority = Authority::parse(text).expect(text);
        assert_eq!(authority.to_string(), expected);
    }
}

#[test]
fn what_is_no_host_is_refused() {
    let long = "a".repeat(MOST_BYTES + 1);
    for text in [
        "",
        ":5000",
        "host:",
        "host:65536",
        "host:+80",
        "host:80:80",
        "host/path",
        "user@host",
        "host name",
        "host\n",
        "hoſt",
        "ho%73t",
        "::1",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[10.0.0.1]",
        "[]",
        "[host]",
        &long,
    ] {
        assert_eq!(Authority::parse(text), None, "{text}");
    }
}
