use berth_oci::{InvalidName, RepositoryName};

/// A repository of the source, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: RepositoryName,
    pub(crate) destination: RepositoryName,
    /// Whether somebody named it, and the source did not.
    pub(crate) named: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unplaced {
    /// Its first part would be its project, and it would be all of it.
    #[error("`{0}` has no `/` in its name, so no project: say with --into where it goes")]
    NoProject(RepositoryName),
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl Place {
    pub(crate) fn of(
        source: RepositoryName,
        into: Option<&RepositoryName>,
    ) -> Result<Self, Unplaced> {
        let destination = match into {
            Some(into) => format!("{into}/{source}").parse()?,
            None if source.in_project().is_none() => return Err(Unplaced::NoProject(source)),
            None => source.clone(),
        };
        Ok(Self {
            source,
            destination,
            named: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Unplaced};

    #[test]
    fn a_repository_keeps_its_name_and_goes_below_the_prefix() {
        let cases = [
            ("a/b", None, "a/b"),
            ("a/b", Some("team"), "team/a/b"),
            ("alpine", Some("team"), "team/alpine"),
            ("alpine", Some("team/old"), "team/old/alpine"),
        ];
        for (source, into, expected) in cases {
            let into = into.map(|into| into.parse().expect("a name"));
            let place = Place::of(source.parse().expect("a name"), into.as_ref());
            let place = place.expect("a place");
            assert_eq!(place.destination.as_str(), expected);
        }
    }

    #[test]
    fn a_repository_without_a_project_is_told_to_be_given_one() {
        let refused = Place::of("alpine".parse().expect("a name"), None).expect_err("a refusal");
        assert!(matches!(refused, Unplaced::NoProject(_)));
        assert!(refused.to_string().contains("--into"), "{refused}");
        let long = "a".repeat(250).parse().expect("a name");
        let into = "projects".parse().expect("a name");
        assert!(matches!(
            Place::of(long, Some(&into)),
            Err(Unplaced::Name(_))
        ));
    }
}
