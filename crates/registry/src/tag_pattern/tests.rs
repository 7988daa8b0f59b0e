use super::TagPattern;

#[test]
fn a_pattern_matches_whole_tags_by_its_form() {
    let cases: [(&str, &[&str], &[&str]); 14] = [
        ("*", &["latest", "v1", "_"], &[]),
        ("v*", &["v", "v1", "v1.2-rc"], &["1", "xv1", "V1"]),
        ("v?", &["v1", "vx"], &["v", "v12"]),
        ("v1.?.*", &["v1.2.3", "v1.2."], &["v1.22.3", "v1x2.3"]),
        ("*-rc*-x", &["1-rc1-x", "x-rc-x-rc-x"], &["1-rc1-y", "rc-x"]),
        ("latest", &["latest"], &["latest2", "alatest", "Latest"]),
        ("regex:v[0-9]+", &["v1", "v12"], &["v1a", "av1", "v"]),
        ("regex:a|b", &["a", "b"], &["ab", "xa", "bx"]),
        ("regex:", &[], &["a"]),
        (
            "semver:>=1.2, <2",
            &["1.2.0", "v1.2.0", "1.99.3"],
            &["2.0.0", "1.1.9", "1.3.0-rc.1", "1.2", "latest", "vv1.2.0"],
        ),
        ("semver:^1.2", &["1.2.0", "v1.9.9"], &["2.0.0", "1.1.0"]),
        (
            "semver:>=1.2.0-rc.1",
            &["1.2.0-rc.2", "1.2.0"],
            &["1.3.0-rc.1", "1.2.0-alpha"],
        ),
        ("semver:*", &["1.2.3", "v0.0.1"], &["1.2.3-rc", "x"]),
        ("semver:=1.2.3", &["1.2.3", "v1.2.3"], &["1.2.4"]),
    ];
    for (text, matched, others) in cases {
        let pattern: TagPattern = text.parse().unwrap();
        assert_eq!(pattern.to_string(), text);
        for tag in matched {
            assert!(pattern.matches(&tag.parse().unwrap()), "{text} {tag}");
        }
        for tag in others {
            assert!(!pattern.matches(&tag.parse().unwrap()), "{text} {tag}");
        }
    }
}

#[test]
fn a_text_that_is_no_pattern_is_told_what_one_is() {
    let cases = [
        ("", "no pattern of tags"),
        ("glob:v*", "no pattern of tags"),
        ("v[0-9]", "no pattern of tags"),
        ("a b", "no pattern of tags"),
        ("ä", "no pattern of tags"),
        ("regex:(", "unclosed group"),
        ("regex:a)|(b", "unopened group"),
        ("regex:[a-z]{1,9999}{9}", "memory"),
        ("semver:one", "range of versions"),
        ("semver:", "range of versions"),
    ];
    for (text, reason) in cases {
        let error = text.parse::<TagPattern>().unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    assert!("v".repeat(255).parse::<TagPattern>().is_ok());
    assert!("v".repeat(256).parse::<TagPattern>().is_err());
}
