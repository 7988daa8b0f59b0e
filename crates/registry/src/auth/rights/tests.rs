use super::*;

fn rights(grants: &[(&str, &[&str])]) -> Rights {
    let texts: Vec<_> = grants
        .iter()
        .map(|(repositories, actions)| GrantText {
            repositories: (*repositories).to_owned(),
            actions: actions.iter().map(|&action| action.to_owned()).collect(),
        })
        .collect();
    GrantText::check(&texts).unwrap()
}

#[test]
fn rights_only_add_up() {
    let rights = rights(&[
        ("shop/**", &["pull"]),
        ("shop/web-*", &["push"]),
        ("x/**", &["*"]),
    ]);
    let web: RepositoryName = "shop/web-1".parse().unwrap();
    let api: RepositoryName = "shop/api".parse().unwrap();
    assert!(rights.allow(Action::Pull, Target::Repository(&web)));
    assert!(rights.allow(Action::Push, Target::Repository(&web)));
    assert!(rights.allow(Action::Pull, Target::Repository(&api)));
    assert!(!rights.allow(Action::Push, Target::Repository(&api)));
    let (shop, x) = ("shop".parse().unwrap(), "x".parse().unwrap());
    assert!(rights.allow(Action::Pull, Target::Project(&shop)));
    assert!(!rights.allow(Action::Push, Target::Project(&shop)));
    assert!(rights.allow(Action::MemberManage, Target::Project(&x)));
    assert!(!rights.allow(Action::Pull, Target::Everything));
}

#[test]
fn an_unknown_stored_action_grants_nothing() {
    let json = r#"[{"repositories":"**","actions":["pull","fly"]},{"repositories":"A","actions":["push"]}]"#;
    let stored = Rights::of_stored(json);
    assert_eq!(stored, rights(&[("**", &["pull"])]));
    assert_eq!(Rights::of_stored("{"), Rights::default());
    assert_eq!(Rights::of_stored(&stored.to_json()), stored);
    let refused = GrantText {
        repositories: "**".to_owned(),
        actions: vec!["fly".to_owned()],
    };
    assert!(GrantText::check(&[refused]).is_err());
}
