use clap::{CommandFactory as _, Parser as _};

use super::{Cli, ClientCommand, Command, RobotCommand};

fn refused(line: &str) -> String {
    let words = ["berth"].into_iter().chain(line.split(' '));
    match Cli::try_parse_from(words) {
        Ok(_) => panic!("taken: {line}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_tree_of_commands_has_no_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn a_robot_belongs_to_a_project_or_to_the_whole() {
    let cases = [
        ("shop ci", Some("shop")),
        ("shop ci --json", Some("shop")),
        ("--system ci", None),
        ("ci --system", None),
    ];
    for (names, expected) in cases {
        let line = format!("berth robot create --scope **=pull {names}");
        let cli = Cli::try_parse_from(line.split(' ')).expect(names);
        let Command::Client(ClientCommand::Robot(group)) = cli.command else {
            panic!("another command: {line}");
        };
        let RobotCommand::Create(robot) = group.command else {
            panic!("another command: {line}");
        };
        let project = robot.project.as_ref().map(ToString::to_string);
        assert_eq!(project.as_deref(), expected, "{names}");
        assert_eq!(robot.name.as_str(), "ci", "{names}");
    }
    for names in ["ci", "shop --system ci", "--system"] {
        refused(&format!("robot create --scope **=pull {names}"));
    }
}

#[test]
fn a_change_says_what_is_to_change() {
    for line in ["user set ann", "robot set shop+ci", "project set shop"] {
        refused(line);
    }
    let contradiction = "user set ann --actions pull --no-actions";
    assert!(refused(contradiction).contains("--no-actions"));
    assert!(refused("user set ann --admin maybe").contains("yes or no"));
}

#[test]
fn an_upstream_has_a_token_or_a_user_and_no_secret_on_the_command_line() {
    for line in [
        "upstream create hub --token-stdin --username ann",
        "upstream create hub --token-stdin --password-stdin",
        "upstream create hub --password hunter2",
        "upstream create hub --offline maybe",
        "upstream create a/b --registry ghcr.io",
        "group create all",
        "warm",
        "warm hub/library/alpine",
    ] {
        refused(line);
    }
}

#[test]
fn what_is_to_be_deployed_is_checked_before_a_server_is_asked() {
    for line in [
        "deploy run local",
        "deploy run local shop web=live",
        "deploy plan local shop --wait",
        "deploy show 0",
        "deploy show shop",
        "deploy approve",
        "deploy hold local .. --reason x",
        "deploy pin local shop web live",
        "deploy rule create local shop --label berth.deploy",
    ] {
        refused(line);
    }
}

#[test]
fn a_password_in_a_url_is_not_repeated() {
    for line in [
        "login https://ann:hunter2@registry",
        "user ls --server https://ann:hunter2@registry",
    ] {
        let said = refused(line);
        assert!(said.contains("-u"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn the_options_of_clients_are_not_those_of_a_server() {
    for line in ["serve --json", "check-config --server registry"] {
        assert!(refused(line).contains("unexpected argument"), "{line}");
    }
}
