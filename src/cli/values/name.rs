use std::fmt;
use std::str::FromStr;

use berth_oci::{InvalidName, ProjectName, RepositoryName};

/// The name of a user, robot, token or role. The server knows what it may hold; here it is only
/// made sure that it stays one segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidPathName;

    fn from_str(text: &str) -> Result<Self, InvalidPathName> {
        match text {
            "" => Err(InvalidPathName::Empty),
            // URLs are made without such segments, so that another resource would be meant.
            "." | ".." => Err(InvalidPathName::Dots),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPathName {
    #[error("a name has one character at least")]
    Empty,
    #[error("a name can not be `.` or `..`")]
    Dots,
}

/// Reads the name of a project: that of a repository with one component only.
pub(crate) fn project_name(text: &str) -> Result<ProjectName, InvalidProjectName> {
    let name: RepositoryName = text.parse()?;
    let project = name.project();
    if project.as_str() == text {
        Ok(project)
    } else {
        Err(InvalidProjectName::Repository { project })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidProjectName {
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error("a project has no `/` in its name: that of this repository is {project}")]
    Repository { project: ProjectName },
}

#[cfg(test)]
mod tests {
    use super::{Name, project_name};

    #[test]
    fn a_name_that_would_mean_another_path_is_refused() {
        for text in ["", ".", ".."] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
        for text in ["ann", "...", "ann.smith", "a/b"] {
            assert_eq!(text.parse::<Name>().expect(text).as_str(), text);
        }
    }

    #[test]
    fn a_project_is_the_first_component_alone() {
        assert_eq!(project_name("shop").expect("a project").as_str(), "shop");
        assert!(project_name("Shop").is_err());
        let refused = project_name("shop/web").expect_err("a repository");
        assert!(refused.to_string().ends_with("is shop"), "{refused}");
    }
}
