use std::fmt;
use std::str::FromStr;

use berth_oci::ProjectName;
use berth_registry::auth::{RobotName, UserName};

/// A user, or a robot by its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account(String);

impl FromStr for Account {
    type Err = InvalidAccount;

    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        let known = match text.split_once('+') {
            Some((project, robot)) => {
                project.parse::<ProjectName>().is_ok() && robot.parse::<RobotName>().is_ok()
            }
            None => text.parse::<UserName>().is_ok(),
        };
        let account = known.then(|| Self(text.to_owned()));
        account.ok_or_else(|| InvalidAccount(text.to_owned()))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a user nor a robot: write ann, or shop+ci for the robot ci of shop")]
pub(super) struct InvalidAccount(String);
