use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Login, LoginFile};
use crate::client::{Secret, Server};

fn login(user: &str) -> Login {
    Login {
        server: Server::default(),
        user: user.to_owned(),
        secret: Secret::new("berth_pat_hunter2".to_owned()),
        made_token: Some("cli-desk-0a1b2c".to_owned()),
        ca_file: None,
        insecure: false,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn only_its_owner_can_read_the_login() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let folder = home.path().join("config/berth");
    fs::create_dir_all(&folder).expect("a folder");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("permissions");
    let path = folder.join("login.json");
    fs::write(&path, "{}").expect("a file");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("permissions");

    LoginFile(path.clone())
        .write(&login("ann"))
        .expect("written");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&folder), 0o700);
    let names = fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(names, 1, "a draft was left behind");
}

#[test]
fn a_login_is_read_as_it_was_written_until_it_is_removed() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let file = LoginFile(home.path().join("berth/login.json"));
    assert_eq!(file.read().expect("nothing"), None);
    for user in ["ann", "bob"] {
        file.write(&login(user)).expect("written");
        assert_eq!(file.read().expect("a login"), Some(login(user)));
    }
    file.remove().expect("removed");
    file.remove().expect("removed already");
    assert_eq!(file.read().expect("nothing"), None);
}

#[test]
fn neither_an_error_nor_a_debug_text_holds_the_secret() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let path = home.path().join("login.json");
    fs::write(&path, r#"{"server": "hunter2"}"#).expect("a file");
    let refused = LoginFile(path).read().expect_err("no login");
    let said = format!("{refused:#} {refused:?} {:?}", login("ann"));
    assert!(said.contains("berth login"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
