use super::{InvalidServer, Server};

#[test]
fn a_host_without_a_scheme_means_https_unless_it_is_this_machine() {
    let cases = [
        ("registry.example.com", "https://registry.example.com"),
        ("registry:5000", "https://registry:5000"),
        ("10.0.0.7:5000", "https://10.0.0.7:5000"),
        ("[2001:db8::1]:5000", "https://[2001:db8::1]:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("127.9.9.9", "http://127.9.9.9"),
        ("localhost", "http://localhost"),
        ("localhost:443", "http://localhost:443"),
        ("LOCALHOST:5000", "http://localhost:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("localhost.example.com", "https://localhost.example.com"),
        ("https://localhost:5000/", "https://localhost:5000"),
        ("http://registry:5000", "http://registry:5000"),
        ("HTTPS://Registry:443", "https://registry"),
    ];
    for (text, expected) in cases {
        let server: Server = text.parse().expect(text);
        assert_eq!(server.to_string(), expected, "{text}");
        assert_eq!(server.to_string().parse(), Ok(server), "{text}");
    }
}

#[test]
fn what_is_more_than_a_server_is_refused_without_repeating_it() {
    let cases = [
        ("", InvalidServer::NotAServer),
        ("::1", InvalidServer::NotAServer),
        ("registry:port", InvalidServer::NotAServer),
        ("ftp://registry", InvalidServer::Scheme),
        ("ann:hunter2@registry", InvalidServer::Credential),
        ("https://ann@registry", InvalidServer::Credential),
        ("registry/shop", InvalidServer::Path),
        ("https://registry/?a=b", InvalidServer::Path),
        ("https://registry/#a", InvalidServer::Path),
    ];
    for (text, expected) in cases {
        let refused = text.parse::<Server>().expect_err(text);
        assert_eq!(refused, expected, "{text}");
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
}

#[test]
fn a_secret_leaves_the_machine_only_over_https_or_when_that_is_asked_for() {
    let private = |text: &str, insecure| {
        let server: Server = text.parse().expect(text);
        server.require_private(insecure).is_ok()
    };
    assert!(private("https://registry", false));
    assert!(private("http://127.0.0.1:5000", false));
    assert!(private("http://[::ffff:127.0.0.1]:5000", false));
    assert!(!private("http://registry:5000", false));
    assert!(!private("http://0.0.0.0:5000", false));
    assert!(private("http://registry:5000", true));
}
