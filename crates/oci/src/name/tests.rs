use super::*;

#[test]
fn repository_names_follow_the_grammar_of_the_specification() {
    let longest = format!("a/{}", "b".repeat(253));
    let accepted = [
        "a",
        "0",
        "library/alpine",
        "a.b",
        "a_b",
        "a__b",
        "a-b",
        "a---b",
        "a/b/c/d/e",
        "blobs/uploads",
        &longest,
    ];
    for text in accepted {
        assert_eq!(text.parse::<RepositoryName>().expect(text).as_str(), text);
    }
    let too_long = format!("{longest}b");
    let refused = [
        "", "/", "a/", "/a", "a//b", "A", "a.", ".a", "-a", "a-", "a..b", "a___b", "a._b", "a-_b",
        "a b", "a:b", "ä", "a\0", "a@b", "..", "a/../b", &too_long,
    ];
    for text in refused {
        assert!(text.parse::<RepositoryName>().is_err(), "{text:?}");
    }
}

#[test]
fn the_project_is_the_first_component() {
    for (name, project) in [("app", "app"), ("shop/web", "shop"), ("a/b/c", "a")] {
        assert_eq!(
            name.parse::<RepositoryName>()
                .expect(name)
                .project()
                .as_str(),
            project
        );
    }
}

#[test]
fn tags_follow_the_grammar_of_the_specification() {
    let longest = "t".repeat(128);
    for text in ["a", "_", "1.0", "v1.2-rc_3", "LATEST", "a..b", &longest] {
        assert_eq!(text.parse::<Tag>().expect(text).as_str(), text);
    }
    let too_long = "t".repeat(129);
    for text in ["", ".a", "-a", "a:b", "a/b", "a b", "a+b", "ä", &too_long] {
        assert!(text.parse::<Tag>().is_err(), "{text:?}");
    }
}

#[test]
fn a_name_moves_into_a_project_and_out_again() {
    let name: RepositoryName = "library/alpine".parse().unwrap();
    let project: ProjectName = "hub".parse().unwrap();
    let within = name.within(&project).unwrap();
    assert_eq!(within.as_str(), "hub/library/alpine");
    assert_eq!(within.in_project(), Some(name));
    let alone: RepositoryName = "alpine".parse().unwrap();
    assert_eq!(alone.in_project(), None);
    let long: RepositoryName = "a".repeat(NAME_BYTES).parse().unwrap();
    assert!(long.within(&project).is_err());
}
