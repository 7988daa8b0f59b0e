use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::config::Config;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A folder with the file of a secret in it.
fn kept(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, content).unwrap();
    (folder, file)
}

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let (_folder, path) = kept(file);
    let environment = environment
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Config::load(Some(&path), environment)
}

#[test]
fn the_file_of_a_secret_is_read_without_the_line_break_at_its_end() {
    for (content, expected) in [
        (KEY.to_owned(), KEY.to_owned()),
        (format!("{KEY}\n"), KEY.to_owned()),
        (format!("{KEY}\r\n"), KEY.to_owned()),
        (format!("{KEY}\n\n"), format!("{KEY}\n")),
        (format!(" {KEY} \n"), format!(" {KEY} ")),
    ] {
        let (_folder, path) = kept(&content);
        let path = path.to_str().unwrap();
        for (variable, key) in [
            ("BERTH_SECRET_KEY_FILE", "secret_key_file"),
            ("BERTH_PREVIOUS_SECRET_KEY_FILE", "previous_secret_key_file"),
            ("BERTH_ADMIN_PASSWORD_FILE", "admin_password_file"),
        ] {
            for config in [
                load("", &[(variable, path)]).unwrap(),
                load(&format!("{key} = '{path}'"), &[]).unwrap(),
            ] {
                let secrets = [
                    config.secret_key,
                    config.previous_secret_key,
                    config.admin_password,
                ];
                let secrets: Vec<_> = secrets.iter().flatten().map(Secret::as_ref).collect();
                assert_eq!(secrets, [expected.as_str()], "{key}");
            }
        }
    }
}

#[test]
fn a_secret_and_its_file_are_not_given_both() {
    let (_folder, path) = kept(KEY);
    let path = path.to_str().unwrap();
    let secret = format!("secret_key = '{KEY}'");
    let file = format!("secret_key_file = '{path}'");
    for (config, environment, places) in [
        (
            format!("{secret}\n{file}"),
            vec![],
            ["1:1: `secret_key`", "2:1: `secret_key_file`"],
        ),
        (
            file,
            vec![("BERTH_SECRET_KEY", KEY)],
            ["BERTH_SECRET_KEY is", "1:1: `secret_key_file`"],
        ),
        (
            secret,
            vec![("BERTH_SECRET_KEY_FILE", path)],
            ["1:1: `secret_key`", "BERTH_SECRET_KEY_FILE too"],
        ),
    ] {
        let said = load(&config, &environment).unwrap_err().to_string();
        for place in places {
            assert!(said.contains(place), "no {place} in {said}");
        }
        assert!(!said.contains(KEY), "{said}");
    }
}

#[test]
fn a_file_that_holds_no_secret_is_refused_by_its_key() {
    let (_folder, binary) = kept([0xff; 40]);
    for path in ["/nowhere/secret", binary.to_str().unwrap()] {
        let said = load("", &[("BERTH_SECRET_KEY_FILE", path)])
            .unwrap_err()
            .to_string();
        let expected = format!("BERTH_SECRET_KEY_FILE: could not read the file {path}");
        assert_eq!(said, expected);
    }
    for (value, reason) in [
        ("''", "is empty: leave the key out to have its default"),
        (
            "5",
            "takes a text in quotes, not a value of the kind integer",
        ),
    ] {
        let said = load(&format!("admin_password_file = {value}"), &[])
            .unwrap_err()
            .to_string();
        let expected = format!(":1:1: `admin_password_file`: {reason}");
        assert!(said.ends_with(&expected), "{said}");
    }
}

#[test]
fn a_secret_that_is_too_short_is_refused_and_not_shown() {
    let (_folder, path) = kept("short ß");
    let path = path.to_str().unwrap();
    for (name, value, characters) in [
        ("BERTH_SECRET_KEY", &KEY[1..], 32),
        ("BERTH_SECRET_KEY", "", 32),
        ("BERTH_PREVIOUS_SECRET_KEY", "short ß", 32),
        ("BERTH_ADMIN_PASSWORD", "short ß", 8),
        ("BERTH_ADMIN_PASSWORD_FILE", path, 8),
    ] {
        let said = load("", &[(name, value)]).unwrap_err().to_string();
        let expected = format!("{name}: takes a text of at least {characters} characters");
        assert_eq!(said, expected);
    }
}

#[test]
fn a_secret_is_never_shown() {
    let config = load(
        &format!("secret_key = '{KEY}'\nadmin_password = 'hunter22'"),
        &[],
    )
    .unwrap();
    let shown = format!("{config:?}");
    assert!(
        !shown.contains(KEY) && !shown.contains("hunter22"),
        "{shown}"
    );
    for broken in [
        format!("secret_key = [ '{KEY}' ]"),
        format!("secret_key = '{KEY}"),
        format!("secret_key = {KEY}"),
        format!("secret_key = '{KEY}' {KEY}"),
        format!("secret_key = '{KEY}'\nsecret_key = '{KEY}'"),
    ] {
        let error = load(&broken, &[]).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains(KEY), "{said}");
    }
}
