use super::*;

#[test]
fn a_range_header_is_read_ignored_or_refused() {
    let read = [
        ("bytes=0-0", ByteRange::Between(0, 0)),
        ("bytes=5-9", ByteRange::Between(5, 9)),
        ("bytes=5-", ByteRange::From(5)),
        ("bytes=-5", ByteRange::Suffix(5)),
        ("Bytes=5-9", ByteRange::Between(5, 9)),
        (
            "bytes=0-18446744073709551615",
            ByteRange::Between(0, u64::MAX),
        ),
    ];
    for (header, expected) in read {
        assert_eq!(ByteRange::parse(header), Ok(Some(expected)), "{header}");
    }
    for header in ["lines=1-2", "bytes=0-1,3-4"] {
        assert_eq!(ByteRange::parse(header), Ok(None), "{header}");
    }
    for header in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=9-5",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=--1",
        "bytes=0-18446744073709551616",
    ] {
        assert!(ByteRange::parse(header).is_err(), "{header}");
    }
}

#[test]
fn a_range_is_cut_to_the_content_or_unsatisfiable() {
    let cases = [
        (ByteRange::Between(0, 0), 10, Some(0..1)),
        (ByteRange::Between(3, 100), 10, Some(3..10)),
        (ByteRange::Between(0, u64::MAX), 10, Some(0..10)),
        (ByteRange::From(9), 10, Some(9..10)),
        (ByteRange::Suffix(4), 10, Some(6..10)),
        (ByteRange::Suffix(40), 10, Some(0..10)),
        (ByteRange::From(10), 10, None),
        (ByteRange::Between(10, 12), 10, None),
        (ByteRange::Suffix(0), 10, None),
        (ByteRange::From(0), 0, None),
        (ByteRange::Suffix(1), 0, None),
    ];
    for (range, size, expected) in cases {
        assert_eq!(range.within(size).ok(), expected, "{range:?} of {size}");
    }
}

#[test]
fn a_content_range_has_no_unit_and_tolerates_one() {
    for header in ["0-9", "bytes 0-9", "0-9/10", "bytes 0-9/*", " 0-9 "] {
        assert_eq!(
            header.parse(),
            Ok(ContentRange { first: 0, last: 9 }),
            "{header}"
        );
    }
    for header in [
        "",
        "-",
        "0",
        "0-",
        "-9",
        "9-0",
        "a-b",
        "bytes=0-9",
        "0-9-10",
    ] {
        assert!(header.parse::<ContentRange>().is_err(), "{header}");
    }
    let widest = ContentRange {
        first: 0,
        last: u64::MAX,
    };
    assert_eq!(widest.length(), None);
    assert_eq!(ContentRange { first: 5, last: 5 }.length(), Some(1));
}
