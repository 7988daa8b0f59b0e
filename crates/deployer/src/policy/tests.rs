use std::collections::BTreeMap;
use std::time::Duration;

use super::{Approval, Command, InvalidLabel, Labels, Order};

const MONITOR: Duration = Duration::from_secs(10);

fn read(labels: &[(&str, &str)]) -> Result<Labels, InvalidLabel> {
    let labels = labels
        .iter()
        .map(|(label, value)| (label.to_string(), value.to_string()));
    Labels::read(&labels.collect::<BTreeMap<_, _>>(), MONITOR)
}

#[test]
fn without_labels_nothing_is_deployed_and_everything_has_a_default() {
    let labels = read(&[("com.example", "x"), ("berth.deployment", "7")]).expect("labels");
    assert!(!labels.deploys);
    assert_eq!(labels.approval, Approval::None);
    let policy = labels.policy;
    assert_eq!(
        (policy.order, policy.monitor, policy.rollback),
        (Order::Auto, MONITOR, true)
    );
    assert_eq!(policy.parallelism.get(), 1);
}

#[test]
fn each_label_is_read() {
    let labels = read(&[
        ("berth.deploy", "true"),
        ("berth.deploy.policy", "glob:rel-*"),
        ("berth.deploy.order", "start-first"),
        ("berth.deploy.monitor", "1m 30s"),
        ("berth.deploy.timeout", "2m"),
        ("berth.deploy.rollback", "false"),
        ("berth.deploy.window", "Mon-Fri 20:00-23:00 Asia/Shanghai"),
        ("berth.deploy.approval", "other"),
        ("berth.deploy.parallelism", "3"),
        ("berth.deploy.before", "./migrate up"),
        ("berth.deploy.after", r#"["wget", "-q", "http://web/"]"#),
    ]);
    let labels = labels.expect("labels");
    assert!(labels.deploys && labels.window.is_some());
    assert_eq!(labels.approval, Approval::Other);
    let policy = labels.policy;
    assert_eq!(policy.order, Order::StartFirst);
    assert_eq!(policy.monitor, Duration::from_secs(90));
    assert_eq!(policy.timeout, Duration::from_secs(120));
    assert!(!policy.rollback);
    assert_eq!(policy.parallelism.get(), 3);
    let words = |words: &[&str]| Some(Command(words.iter().map(|&word| word.to_owned()).collect()));
    assert_eq!(policy.before, words(&["/bin/sh", "-c", "./migrate up"]));
    assert_eq!(policy.after, words(&["wget", "-q", "http://web/"]));
}

#[test]
fn a_policy_follows_the_tags_that_it_describes() {
    for (policy, tag, follows) in [
        ("exact", "1.4.2", false),
        ("semver:~1.4", "1.4.2", true),
        ("semver:~1.4", "v1.4.9", true),
        ("semver:~1.4", "1.5.0", false),
        ("semver:~1.4", "latest", false),
        ("glob:rel-*", "rel-7", true),
        ("glob:rel-?", "rel-17", false),
        ("glob:a.b", "aXb", false),
        ("regex:rel-[0-9]+", "rel-17", true),
        ("regex:rel-[0-9]+", "rel-17b", false),
    ] {
        let labels = read(&[("berth.deploy.policy", policy)]).expect(policy);
        let tag = tag.parse().expect("a tag");
        assert_eq!(labels.tags.follows(&tag), follows, "{policy} {tag}");
    }
}

#[test]
fn a_label_that_can_not_be_read_is_named_with_what_would_be_right() {
    for (label, value, expected) in [
        ("berth.deploy", "yes", "it is true or false"),
        (
            "berth.deploy.odrer",
            "auto",
            "labels below berth.deploy are policy",
        ),
        ("berth.deploy.policy", "latest", "it is exact, semver:RANGE"),
        (
            "berth.deploy.policy",
            "semver:one",
            "its range of versions is none",
        ),
        (
            "berth.deploy.policy",
            "regex:(",
            "its expression can not be read",
        ),
        (
            "berth.deploy.order",
            "new-first",
            "it is auto, stop-first or start-first",
        ),
        (
            "berth.deploy.monitor",
            "soon",
            "it is a time of a day at most",
        ),
        (
            "berth.deploy.timeout",
            "25h",
            "it is a time of a day at most",
        ),
        ("berth.deploy.rollback", "1", "it is true or false"),
        (
            "berth.deploy.window",
            "Mon 20-23",
            "`20-23` is no span of times",
        ),
        ("berth.deploy.approval", "two", "it is true, other"),
        (
            "berth.deploy.parallelism",
            "0",
            "it is a number from 1 to 100",
        ),
        ("berth.deploy.before", " ", "it is a command for /bin/sh"),
        ("berth.deploy.after", "[1]", "it is a command for /bin/sh"),
    ] {
        let error = read(&[(label, value)]).expect_err(label);
        assert_eq!((error.label.as_str(), error.value.as_str()), (label, value));
        assert!(error.expected.starts_with(expected), "{error}");
    }
}
