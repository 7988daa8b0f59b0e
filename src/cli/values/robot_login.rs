use std::fmt;
use std::str::FromStr;

use berth_oci::ProjectName;

use super::name::{InvalidPathName, InvalidProjectName, Name, project_name};

/// What stands for a project in the login of a robot of the whole installation.
const WHOLE: &str = "robot";

/// What a robot logs in as: `PROJECT+NAME`, or `robot+NAME` for one of the whole installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RobotLogin {
    pub(crate) project: Option<ProjectName>,
    pub(crate) name: Name,
}

impl FromStr for RobotLogin {
    type Err = InvalidRobotLogin;

    fn from_str(text: &str) -> Result<Self, InvalidRobotLogin> {
        let (project, name) = text.split_once('+').ok_or(InvalidRobotLogin::NoPlus)?;
        let project = match project {
            WHOLE => None,
            project => Some(project_name(project)?),
        };
        let name = name.parse()?;
        Ok(Self { project, name })
    }
}

impl fmt::Display for RobotLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let project = self.project.as_ref().map_or(WHOLE, ProjectName::as_str);
        write!(f, "{project}+{}", self.name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidRobotLogin {
    #[error("a robot is named PROJECT+NAME, or robot+NAME if it is one of the whole installation")]
    NoPlus,
    #[error(transparent)]
    Project(#[from] InvalidProjectName),
    #[error(transparent)]
    Name(#[from] InvalidPathName),
}

#[cfg(test)]
mod tests {
    use super::RobotLogin;

    #[test]
    fn the_login_of_a_robot_says_whose_it_is() {
        let of_project: RobotLogin = "shop+ci".parse().expect("a robot");
        assert_eq!(of_project.project.as_ref().expect("one").as_str(), "shop");
        let of_all: RobotLogin = "robot+backup".parse().expect("a robot");
        assert_eq!(of_all.project, None);
        for robot in [of_project, of_all] {
            assert_eq!(robot.to_string().parse(), Ok(robot));
        }
        for text in ["ci", "shop+", "+ci", "shop/web+ci"] {
            assert!(text.parse::<RobotLogin>().is_err(), "{text}");
        }
    }
}
