//! A `Content-Type` header, or the `mediaType` of a document.

#![no_main]

use berth_oci::MediaType;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(media_type) = text.parse::<MediaType>() else {
        return;
    };
    let printed = media_type.to_string();
    assert_eq!(printed, media_type.as_str());
    assert_eq!(printed.parse().as_ref(), Ok(&media_type));
    assert!(text.contains(&printed), "{printed}");
    // It is sent back as `Content-Type`.
    assert!(
        printed.bytes().all(|byte| byte.is_ascii_graphic()),
        "{printed:?}"
    );
    assert!(printed.len() <= 255, "{printed}");
    let kinds = [
        media_type.image(),
        media_type.index(),
        media_type.schema1(),
        media_type.non_distributable(),
    ];
    assert!(kinds.into_iter().filter(|kind| *kind).count() <= 1);
});
