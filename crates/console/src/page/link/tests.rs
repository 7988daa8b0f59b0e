use super::*;

#[test]
fn a_name_is_one_segment() {
    assert_eq!(repository("shop/web"), "/repositories/shop%2Fweb");
    assert_eq!(
        image("shop/web", "sha256:ab"),
        "/repositories/shop%2Fweb/images/sha256:ab"
    );
    assert_eq!(project("a?b#c"), "/projects/a%3Fb%23c");
}

#[test]
fn a_cursor_takes_the_place_of_another() {
    assert_eq!(next("/projects", "a b"), "/projects?cursor=a%20b");
    assert_eq!(
        next("/projects?q=x&cursor=a", "b"),
        "/projects?q=x&cursor=b"
    );
    assert_eq!(first("/projects?q=x&cursor=a"), "/projects?q=x");
    assert_eq!(first("/projects?cursor=a"), "/projects");
}

#[test]
fn only_places_of_this_page_are_gone_back_to() {
    for place in ["/", "/projects?q=x", "/repositories/shop%2Fweb"] {
        assert_eq!(local(place), Some(place));
    }
    for place in [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "/\t/evil.example",
    ] {
        assert_eq!(local(place), None, "{place}");
    }
}
