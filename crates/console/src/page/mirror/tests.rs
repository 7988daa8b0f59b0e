use super::*;

#[test]
fn the_mirror_is_at_the_host_of_the_page_and_a_port_of_its_own() {
    for (host, mirror) in [
        ("registry.example.com", "registry.example.com:5001"),
        ("registry.example.com:5000", "registry.example.com:5001"),
        ("10.0.0.5:443", "10.0.0.5:5001"),
        ("[::1]:5000", "[::1]:5001"),
        ("[::1]", "[::1]:5001"),
    ] {
        assert_eq!(Mirror::new(host, 5001, Scheme::Http).host, mirror);
    }
}

#[test]
fn docker_is_told_of_plain_http_alone() {
    let plain = Mirror::new("registry.example.com", 5001, Scheme::Http);
    let daemon: serde_json::Value =
        serde_json::from_str(&plain.docker_daemon()).expect("a JSON document");
    assert_eq!(
        daemon,
        serde_json::json!({
            "registry-mirrors": ["http://registry.example.com:5001"],
            "insecure-registries": ["registry.example.com:5001"],
        })
    );
    let encrypted = Mirror::new("registry.example.com", 5001, Scheme::Https);
    let text = encrypted.docker_daemon();
    assert!(text.contains("https://registry.example.com:5001"), "{text}");
    assert!(!text.contains("insecure"), "{text}");
}

#[test]
fn containerd_and_podman_are_told_where_to_ask() {
    assert_eq!(
        hosts("http://registry.example.com:5001", None),
        "[host.\"http://registry.example.com:5001\"]\ncapabilities = [\"pull\", \"resolve\"]\n"
    );
    let with_header = hosts("https://registry.example.com", Some("Basic BASE64"));
    let header =
        "\n[host.\"https://registry.example.com\".header]\nAuthorization = \"Basic BASE64\"\n";
    assert!(with_header.ends_with(header), "{with_header}");
    let plain = registries("ghcr.io", "registry.example.com:5001/ghcr", true);
    assert_eq!(
        plain,
        "[[registry]]\nprefix = \"ghcr.io\"\nlocation = \"ghcr.io\"\n\n\
         [[registry.mirror]]\nlocation = \"registry.example.com:5001/ghcr\"\ninsecure = true\n"
    );
    let encrypted = registries("ghcr.io", "registry.example.com/ghcr", false);
    assert!(!encrypted.contains("insecure"), "{encrypted}");
}
