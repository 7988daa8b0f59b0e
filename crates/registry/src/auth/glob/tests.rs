use super::*;

fn glob(text: &str) -> RepositoryGlob {
    text.parse().unwrap()
}

#[test]
fn a_star_stays_in_its_component_and_two_cross_them() {
    let cases: [(&str, &[&str], &[&str]); 10] = [
        ("**", &["a", "a/b", "a/b/c"], &[]),
        (
            "shop/**",
            &["shop", "shop/web", "shop/web/x"],
            &["shopping/web", "x/shop"],
        ),
        ("shop/*", &["shop/web"], &["shop", "shop/web/x"]),
        (
            "shop/web-*",
            &["shop/web-a", "shop/web-a-b"],
            &["shop/web", "shop/web-a/b"],
        ),
        ("*/web", &["a/web", "b/web"], &["web", "a/b/web"]),
        (
            "**/web",
            &["web", "a/web", "a/b/web"],
            &["a/web/b", "a/webb"],
        ),
        (
            "a/**/z",
            &["a/z", "a/b/z", "a/b/z/z"],
            &["a", "a/z/b", "b/z"],
        ),
        (
            "a/**/b/**/c",
            &["a/b/c", "a/x/b/y/c", "a/b/b/c"],
            &["a/c", "a/b", "a/c/b"],
        ),
        ("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a", "a/b"]),
        ("shop/web", &["shop/web"], &["shop/we", "shop/webx", "shop"]),
    ];
    for (pattern, matched, others) in cases {
        for name in matched {
            assert!(
                glob(pattern).matches(&name.parse().unwrap()),
                "{pattern} {name}"
            );
        }
        for name in others {
            assert!(
                !glob(pattern).matches(&name.parse().unwrap()),
                "{pattern} {name}"
            );
        }
    }
}

#[test]
fn only_what_matches_all_of_a_project_covers_it() {
    let shop: ProjectName = "shop".parse().unwrap();
    for pattern in ["**", "shop/**", "*/**", "sh*/**", "**/**"] {
        assert!(glob(pattern).covers(&shop), "{pattern}");
    }
    for pattern in ["shop", "shop/*", "shop/**/web", "other/**", "**/web", "*"] {
        assert!(!glob(pattern).covers(&shop), "{pattern}");
    }
    assert!(!glob("shop/**").covers_everything());
    assert_eq!(glob("shop/**").project(), Some(shop));
    assert_eq!(glob("sh*/**").project(), None);
}

#[test]
fn what_is_no_pattern_of_names_is_refused() {
    for text in [
        "", "/", "a//b", "a/", "A", "a b", "a**", "**b/c", "a?", "{a,b}", "a:b",
    ] {
        assert!(text.parse::<RepositoryGlob>().is_err(), "{text}");
    }
    assert!("a".repeat(256).parse::<RepositoryGlob>().is_err());
}
