//! A `Content-Type` on the first line, empty for none, then the bytes of a manifest.

#![no_main]

use std::collections::HashSet;

use berth_oci::{Digest, EdgeRole, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (content_type, bytes) = match end {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (&data[..0], data),
    };
    let content_type = String::from_utf8_lossy(content_type);
    let content_type = Some(&*content_type).filter(|text| !text.is_empty());
    let parsed = Manifest::parse(content_type, bytes);
    assert_eq!(parsed, Manifest::parse(content_type, bytes));
    match parsed {
        Ok(manifest) => check(&manifest, bytes),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fn check(manifest: &Manifest, bytes: &[u8]) {
    let media_type = &manifest.media_type;
    assert!(media_type.image() != media_type.index(), "{media_type}");
    assert!(!media_type.schema1(), "{media_type}");
    let mut seen = HashSet::new();
    for edge in &manifest.edges {
        assert!(seen.insert(&edge.digest), "{edge:?} twice");
        check_digest(&edge.digest);
        match edge.role {
            EdgeRole::Config | EdgeRole::Layer => assert!(media_type.image(), "{edge:?}"),
            EdgeRole::Child => assert!(media_type.index(), "{edge:?}"),
            EdgeRole::OptionalBlob => {}
        }
    }
    manifest.subject.iter().for_each(check_digest);
    // Served under its own media type, it is the same manifest.
    assert_eq!(
        Manifest::parse(Some(media_type.as_str()), bytes).as_ref(),
        Ok(manifest)
    );
}

fn check_digest(digest: &Digest) {
    assert_eq!(digest.as_str().parse().as_ref(), Ok(digest));
}
