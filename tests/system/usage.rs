//! What the command line says before any server is asked.

use std::process::{Command, Output, Stdio};

/// Runs `berth` where nobody has logged in.
fn berth(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a temporary folder");
    Command::new(env!("CARGO_BIN_EXE_berth"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        // It would stop `serve`; the commands of clients read no variable of that name.
        .env("BERTH_NONSENSE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("berth starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn a_command_without_a_login_says_how_to_log_in() {
    let cases: [(&[&str], &str); 3] = [
        (&["ls"], "berth login SERVER"),
        (&["user", "ls", "--json"], "berth login SERVER"),
        (
            &["inspect", "shop/web:v1", "--server", "registry:5000"],
            "berth login https://registry:5000",
        ),
    ];
    for (arguments, expected) in cases {
        let refused = berth(arguments);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(refused.stdout.is_empty(), "{arguments:?}");
    }
    let nothing = berth(&["logout"]);
    assert!(nothing.status.success(), "{}", text(&nothing.stderr));
}

#[test]
fn a_login_that_can_not_be_asked_for_or_would_be_overheard_is_refused() {
    let cases: [(&[&str], &[&str]); 3] = [
        (&["login", "registry"], &["no terminal", "--password-stdin"]),
        (
            &["login", "http://registry:5000", "-u", "ann"],
            &["http://registry:5000", "https", "--insecure"],
        ),
        (
            &["login", "registry", "-u", "ann", "--password-stdin"],
            &["0 lines"],
        ),
    ];
    for (arguments, expected) in cases {
        let refused = berth(arguments);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}: {said}");
        for word in expected {
            assert!(said.contains(word), "{arguments:?}: no {word:?} in {said}");
        }
    }
}

#[test]
fn what_is_not_understood_ends_with_status_2_and_its_reason() {
    let cases: [(&[&str], &str); 5] = [
        (&["inspect", "127.0.0.1:5000/shop/web:v1"], "the host"),
        (&["tag", "shop/web", "stable"], "shop/web:TAG"),
        (&["tag", "shop/web:v1", "-x"], "-x"),
        (&["token", "create", "ci", "--expires", "soon"], "30d"),
        (&["robot", "rm", "ci"], "PROJECT+NAME"),
    ];
    for (arguments, expected) in cases {
        let refused = berth(arguments);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn each_shell_is_given_its_completions() {
    for shell in ["bash", "elvish", "fish", "zsh"] {
        let script = text(&berth(&["completions", shell]).stdout);
        for word in ["check-config", "robot", "ca-file"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}
