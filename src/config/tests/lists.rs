//! Lists of tables, whatever their entries are.

use super::example::{Shown, shown};
use super::*;

const HUB: &str = "[[upstream]]\nname = 'hub'\nregistry = 'docker.io'\n";

fn names(config: &Config) -> String {
    let names: Vec<_> = config
        .upstreams
        .iter()
        .map(|upstream| &upstream.name)
        .collect();
    texts(&names)
}

/// The URL of each upstream.
fn urls(file: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let upstreams = load(file, environment).unwrap().upstreams();
    let url = |upstream: &UpstreamSettings| format!("{} {}", upstream.name, upstream.url);
    upstreams.iter().map(url).collect()
}

#[test]
fn the_example_shows_the_defaults_of_entries() {
    let schema = Schema::of::<Config>();
    let plain = load(HUB, &[]).unwrap();
    let mut compared = 0;
    for Shown { path, value, .. } in shown() {
        let Some(("upstream", name)) = schema.list_of(&path) else {
            continue;
        };
        let key = schema.key(&path).unwrap();
        if name == schema::NAME || key.optional || key.kind == schema::Kind::Texts {
            continue;
        }
        let file = format!("{HUB}{name} = {value}");
        assert_eq!(load(&file, &[]).unwrap(), plain, "{file}");
        compared += 1;
    }
    assert_eq!(compared, 5);
}

#[test]
fn each_key_of_an_entry_of_the_example_can_be_set_and_be_a_variable() {
    let schema = Schema::of::<Config>();
    let twins: Vec<_> = schema.secrets().map(secret::twin).collect();
    // Where a user and a password are given, a token is not.
    let left_out = |key: &Shown| twins.contains(&key.path) || key.path == "upstream.token";
    let shown: Vec<_> = shown().into_iter().filter(|key| !left_out(key)).collect();
    let (mut file, mut environment) = (String::new(), Vec::new());
    for Shown { path, value, .. } in &shown {
        let Some((list, name)) = schema.list_of(path) else {
            continue;
        };
        if name == schema::NAME {
            file.push_str(&format!("[[{list}]]\n"));
        }
        file.push_str(&format!("{name} = {value}\n"));
        let word = match list {
            "upstream" => "HUB",
            "group" => "ALL",
            "deploy.engine" => "PROD",
            list => panic!("the entries of {list} have no name here"),
        };
        // In the environment neither lists nor texts have anything around them.
        let list = value
            .strip_prefix('[')
            .and_then(|list| list.strip_suffix(']'));
        let value = list.unwrap_or(value).replace('"', "");
        if name != schema::NAME {
            environment.push((environment::variable(path, Some(word), &schema), value));
        }
    }
    let config = load(&file, &[]).unwrap();
    assert_eq!(Config::load(None, environment).unwrap(), config);
    let groups = config.groups();
    assert_eq!(texts(&groups[0].members), "local,hub");
    assert_eq!(groups[0].push.as_ref().unwrap().as_str(), "local");
    assert_eq!(names(&config), "hub");
    assert_eq!(deploys(&config).engines[0].url, "tcp://10.0.0.7:2376");
}

#[test]
fn an_entry_is_addressed_by_its_name_in_the_environment() {
    let file = "
        [[upstream]]
        name = 'hub'
        registry = 'docker.io'
        [[upstream]]
        name = 'my-hub.one'
        registry = 'my.example'
        [[upstream]]
        name = 'a__b'
        registry = 'ab.example'
    ";
    let environment = [
        ("BERTH_UPSTREAM__HUB__URL", "https://one.example"),
        ("BERTH_UPSTREAM__MY_HUB_ONE__URL", "https://two.example"),
        ("BERTH_UPSTREAM__A__B__URL", "https://three.example"),
    ];
    assert_eq!(
        urls(file, &environment),
        [
            "hub https://one.example/",
            "my-hub.one https://two.example/",
            "a__b https://three.example/",
        ]
    );
}

#[test]
fn a_variable_adds_an_entry_that_the_file_does_not_have() {
    let environment = [
        ("BERTH_UPSTREAM__MY_HUB__REGISTRY", "my.example"),
        ("BERTH_UPSTREAM__MY_HUB__URL", "http://my.internal"),
        ("BERTH_UPSTREAM__A__REGISTRY", "a.example"),
    ];
    let expected = [
        "hub https://registry-1.docker.io/",
        "a https://a.example/",
        "my_hub http://my.internal/",
    ];
    assert_eq!(urls(HUB, &environment), expected);
    assert_eq!(urls("", &environment), expected[1..]);
}

#[test]
fn a_variable_that_two_entries_fit_is_refused() {
    let file = "
        [[upstream]]
        name = 'my-hub'
        [[upstream]]
        name = 'my_hub'
    ";
    assert_eq!(
        refusal(file, &[("BERTH_UPSTREAM__MY_HUB__URL", "https://x")]),
        "BERTH_UPSTREAM__MY_HUB__URL: stands for `my-hub` as well as for `my_hub`: give one of \
         them another name"
    );
}

#[test]
fn a_variable_of_an_entry_that_fits_no_key_is_answered_with_its_neighbour() {
    let cases = [
        (
            "BERTH_UPSTREAM__HUB__USRNAME",
            "BERTH_UPSTREAM__HUB__USERNAME",
        ),
        ("BERTH_UPSTREAM__hub__URL", "BERTH_UPSTREAM__HUB__URL"),
        ("BERTH_UPSTREAM__HUB__url", "BERTH_UPSTREAM__HUB__URL"),
        (
            "BERTH_UPSTREAM__PASSWORD",
            "BERTH_UPSTREAM__<NAME>__PASSWORD",
        ),
        ("BERTH_GROUP__ALL__MEMBER", "BERTH_GROUP__ALL__MEMBERS"),
        ("BERTH_CACHE__BYTE", "BERTH_CACHE__BYTES"),
    ];
    for (name, neighbour) in cases {
        let expected = format!(
            "there is no key for the environment variable {name}: did you mean {neighbour}?"
        );
        assert_eq!(refusal(HUB, &[(name, "1")]), expected);
    }
    assert_eq!(
        refusal(HUB, &[("BERTH_UPSTREAM__HUB__NAME", "hub")]),
        "BERTH_UPSTREAM__HUB__NAME: is of no use, since the variables of an entry hold its name: \
         leave it out, or write the name to the file"
    );
    assert_eq!(
        refusal(HUB, &[("BERTH_UPSTREAM___HUB__URL", "https://x")]),
        "BERTH_UPSTREAM___HUB__URL: `_hub` can not be a part of a repository name: parts are \
         lower case letters and digits, joined by `.`, `_`, `__` or dashes"
    );
}

#[test]
fn an_entry_that_the_file_does_not_write_as_one_is_refused_with_its_place() {
    let cases = [
        (
            "[[upstream]]\nname = 'hub'\nusrname = 'me'",
            "3:1: there is no key `upstream.usrname`: did you mean `upstream.username`?",
        ),
        (
            "[[upstreem]]\nname = 'hub'",
            "1:3: there is no key `upstreem`: did you mean `upstream`?",
        ),
        (
            "[upstream]\nname = 'hub'",
            "1:2: `upstream`: is a list of tables: write [[upstream]] above the keys of each entry",
        ),
        (
            "upstream = ['hub']",
            "1:1: `upstream`: is a list of tables: write [[upstream]] above the keys of each entry",
        ),
        (
            "upstream.hub.registry = 'docker.io'",
            "1:1: `upstream`: is a list of tables: write [[upstream]] above the keys of each entry",
        ),
        (
            "[[upstream]]\nname = 'hub'\n\n[[upstream]]\nregistry = 'quay.io'",
            "4:1: `upstream`: is an entry without a name: give it a `name`",
        ),
        (
            "upstream = [{ name = 'hub' }, { registry = 'quay.io' }]",
            "1:31: `upstream`: is an entry without a name: give it a `name`",
        ),
        (
            "[[upstream]]\nname = 5",
            "2:1: `upstream.name`: takes a text in quotes, not a value of the kind integer",
        ),
        (
            "[[upstream]]\nname = 'Hub'",
            "2:1: `upstream.name`: `Hub` can not be a part of a repository name: parts are lower \
             case letters and digits, joined by `.`, `_`, `__` or dashes",
        ),
        (
            "[[upstream]]\nname = 'hub'\norder = -1",
            "3:1: `upstream.order`: takes a whole number from 0 to 1000000, not -1 (Which of \
             several upstreams of one registry is asked first: that with the lowest number)",
        ),
        (
            "[[upstream]]\nname = 'hub'\noffline = 1",
            "3:1: `upstream.offline`: takes true or false, not a value of the kind integer",
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(refusal(file, &[]), format!("berth.toml:{expected}"));
    }
}

#[test]
fn an_entry_has_a_name_of_its_own() {
    let twice = "[[upstream]]\nname = 'hub'\n[[upstream]]\nname = 'hub'";
    let said = load(twice, &[]).unwrap_err().to_string();
    for part in [
        "berth.toml:4:1: `upstream.name`: is the name of another entry too, at ",
        "berth.toml:2:1: `upstream.name`: each needs a name of its own",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_value_of_an_entry_that_a_variable_replaces_is_not_looked_at() {
    let file = format!("{HUB}order = 'first'");
    let config = load(&file, &[("BERTH_UPSTREAM__HUB__ORDER", "100")]).unwrap();
    assert_eq!(config, load(HUB, &[]).unwrap());
    assert_eq!(
        refusal(HUB, &[("BERTH_UPSTREAM__HUB__ORDER", "first")]),
        "BERTH_UPSTREAM__HUB__ORDER: takes a whole number, not `first`"
    );
}
