//! A size in decimal on the first line, then a `Range` or `Content-Range` header.

#![no_main]

use berth_oci::{ByteRange, ContentRange};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (size, header) = text.split_once('\n').unwrap_or(("0", &text));
    let size = size.parse().unwrap_or(u64::MAX);
    if let Ok(Some(range)) = ByteRange::parse(header) {
        for size in [0, 1, size, u64::MAX] {
            check_within(range, size);
        }
    }
    if let Ok(chunk) = header.parse::<ContentRange>() {
        check_chunk(chunk);
    }
});

fn check_within(range: ByteRange, size: u64) {
    match range.within(size) {
        Ok(bytes) => {
            assert!(!bytes.is_empty(), "{range:?} of {size} is {bytes:?}");
            assert!(bytes.end <= size, "{range:?} of {size} is {bytes:?}");
            match range {
                ByteRange::From(first) => assert_eq!(bytes, first..size),
                ByteRange::Between(first, last) => {
                    assert_eq!(bytes.start, first);
                    assert!(bytes.end - 1 <= last, "{range:?} of {size} is {bytes:?}");
                }
                ByteRange::Suffix(length) => {
                    assert_eq!(bytes.end, size);
                    assert_eq!(bytes.end - bytes.start, length.min(size));
                }
            }
        }
        Err(unsatisfiable) => assert_eq!(unsatisfiable.size, size),
    }
}

fn check_chunk(chunk: ContentRange) {
    let ContentRange { first, last } = chunk;
    assert!(first <= last, "{chunk:?}");
    assert_ne!(chunk.length(), Some(0), "{chunk:?}");
    assert_eq!(chunk.length().is_none(), first == 0 && last == u64::MAX);
    for spelling in [format!("{first}-{last}"), format!("bytes {first}-{last}/*")] {
        assert_eq!(spelling.parse(), Ok(chunk), "{spelling}");
    }
}
