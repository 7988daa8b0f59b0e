use berth_registry::auth::Action;

use super::*;

fn grant(repositories: &str, actions: &[&str]) -> Grant {
    Grant {
        repositories: repositories.to_owned(),
        actions: actions.iter().map(|&action| action.to_owned()).collect(),
    }
}

#[test]
fn what_is_written_is_read_again() {
    let grants = [
        grant("shop/web-*", &["pull"]),
        grant("shop/**", &["push", "delete"]),
    ];
    let text = write(&grants);
    assert_eq!(text, "shop/web-* pull\nshop/** push delete");
    let read: Vec<_> = read(&text).into_iter().map(|Object(grant)| grant).collect();
    assert_eq!(write(&read), text);
}

#[test]
fn words_stand_apart_by_more_than_one_blank() {
    for text in [
        "shop/**=pull,push",
        "  shop/**   pull\tpush ",
        "\r\n shop/** = pull, push\r\n\r\n",
    ] {
        let read: Vec<_> = read(text).into_iter().map(|Object(grant)| grant).collect();
        assert_eq!(write(&read), "shop/** pull push", "{text:?}");
    }
    assert!(read(" \n\n").is_empty());
}

#[test]
fn an_action_that_is_not_known_may_be_anything() {
    let known = actions(&[grant("a/**", &["pull"]), grant("b", &["push"])]);
    assert_eq!(known, ActionSet::of(&[Action::Pull, Action::Push]));
    let unknown = actions(&[grant("a/**", &["pull", "fly"])]);
    assert_eq!(unknown, ActionSet::ALL);
}
