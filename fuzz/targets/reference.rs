//! One text as a repository name, a tag and a reference.

#![no_main]

use berth_oci::{Reference, RepositoryName, Tag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let tag = text.parse::<Tag>();
    let reference = text.parse::<Reference>();
    if let Ok(name) = text.parse::<RepositoryName>() {
        assert_eq!(name.to_string(), text);
        assert_eq!(name.as_str(), text);
        check_name(&name);
    }
    if let Ok(tag) = &tag {
        assert_eq!(tag.to_string(), text);
        check_word(tag.as_str());
        assert_eq!(reference, Ok(Reference::Tag(tag.clone())));
    }
    if let Ok(reference) = &reference {
        assert_eq!(reference.to_string(), text);
        check_word(&text);
        assert_eq!(tag.is_ok(), matches!(reference, Reference::Tag(_)));
    }
});

fn check_name(name: &RepositoryName) {
    let text = name.as_str();
    assert!(text.len() <= 255, "{text}");
    // No `..` in a name keeps it inside of any folder or prefix that it is joined to.
    assert!(!text.contains(".."), "{text}");
    for component in text.split('/') {
        check_word(component);
    }
    let project = name.project();
    assert_eq!(Some(project.as_str()), text.split('/').next());
    // A project by itself is a repository name too.
    let alone = project.as_str().parse::<RepositoryName>();
    assert_eq!(alone.map(|alone| alone.project()), Ok(project));
}

/// One component of a path, and safe in a header.
fn check_word(text: &str) {
    assert!(!text.is_empty());
    assert!(text != "." && text != "..", "{text}");
    assert!(!text.contains('/'), "{text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
}
