use std::str::FromStr;

use berth_oci::{Digest, InvalidDigest};

use super::name::{InvalidPathName, Name};

/// What a service is to run: `SERVICE=DIGEST`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceDigest {
    pub(crate) service: Name,
    pub(crate) digest: Digest,
}

impl FromStr for ServiceDigest {
    type Err = InvalidServiceDigest;

    fn from_str(text: &str) -> Result<Self, InvalidServiceDigest> {
        let (service, digest) = text.split_once('=').ok_or(InvalidServiceDigest::NoSign)?;
        Ok(Self {
            service: service.parse()?,
            digest: digest.parse()?,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidServiceDigest {
    #[error("write the service and the digest that it is to run, as in web=sha256:...")]
    NoSign,
    #[error(transparent)]
    Service(#[from] InvalidPathName),
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

/// A label that says how something is deployed: `LABEL=VALUE`. The server knows which there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeployLabel {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for DeployLabel {
    type Err = InvalidDeployLabel;

    fn from_str(text: &str) -> Result<Self, InvalidDeployLabel> {
        let (name, value) = text.split_once('=').ok_or(InvalidDeployLabel)?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write the label and its value, as in berth.deploy.order=start-first")]
pub(crate) struct InvalidDeployLabel;

#[cfg(test)]
mod tests {
    use super::{DeployLabel, ServiceDigest};

    #[test]
    fn a_service_and_its_digest_are_on_both_sides_of_a_sign() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let read: ServiceDigest = format!("web={digest}").parse().expect("a service");
        assert_eq!(read.service.as_str(), "web");
        assert_eq!(read.digest.to_string(), digest);
        for text in ["web", "web=", "web=live", &format!("={digest}")] {
            assert!(text.parse::<ServiceDigest>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_value_of_a_label_may_hold_the_sign_too() {
        let label: DeployLabel = "berth.deploy.before=a=b".parse().expect("a label");
        assert_eq!(
            (&*label.name, &*label.value),
            ("berth.deploy.before", "a=b")
        );
        assert!("berth.deploy".parse::<DeployLabel>().is_err());
    }
}
