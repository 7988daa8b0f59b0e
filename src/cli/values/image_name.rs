use std::fmt;
use std::str::FromStr;

use berth_oci::{InvalidDigest, InvalidName, InvalidTag, Reference, RepositoryName};

/// `REPOSITORY:TAG` or `REPOSITORY@DIGEST`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageName {
    pub(crate) repository: RepositoryName,
    pub(crate) reference: Reference,
}

/// `REPOSITORY`, `REPOSITORY:TAG` or `REPOSITORY@DIGEST`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RepositoryOrImage {
    Repository(RepositoryName),
    Image(ImageName),
}

impl FromStr for RepositoryOrImage {
    type Err = InvalidImageName;

    fn from_str(text: &str) -> Result<Self, InvalidImageName> {
        let (repository, reference) = if let Some((repository, digest)) = text.split_once('@') {
            (repository, Some(Reference::Digest(digest.parse()?)))
        } else if let Some((repository, tag)) = text.rsplit_once(':') {
            if tag.contains('/') {
                return Err(InvalidImageName::Host);
            }
            (repository, Some(Reference::Tag(tag.parse()?)))
        } else {
            (text, None)
        };
        match repository.split_once(':') {
            Some((_, rest)) if rest.contains('/') => return Err(InvalidImageName::Host),
            Some(_) => return Err(InvalidImageName::Twice),
            None => {}
        }
        let repository = repository.parse()?;
        Ok(match reference {
            None => Self::Repository(repository),
            Some(reference) => Self::Image(ImageName {
                repository,
                reference,
            }),
        })
    }
}

impl FromStr for ImageName {
    type Err = InvalidImageName;

    fn from_str(text: &str) -> Result<Self, InvalidImageName> {
        match text.parse()? {
            RepositoryOrImage::Image(image) => Ok(image),
            RepositoryOrImage::Repository(repository) => {
                Err(InvalidImageName::NoReference { repository })
            }
        }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = &self.repository;
        match &self.reference {
            Reference::Tag(tag) => write!(f, "{repository}:{tag}"),
            Reference::Digest(digest) => write!(f, "{repository}@{digest}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidImageName {
    #[error("an image is named {repository}:TAG or {repository}@DIGEST here")]
    NoReference { repository: RepositoryName },
    #[error("the host is not a part of the name here: it is that of the login")]
    Host,
    #[error("an image is named by a tag or by a digest, and here are two")]
    Twice,
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Tag(#[from] InvalidTag),
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

#[cfg(test)]
mod tests {
    use super::{ImageName, RepositoryOrImage};

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn an_image_is_a_repository_with_a_tag_or_a_digest() {
        let by_digest = format!("shop/web@{DIGEST}");
        for text in ["alpine:3.20", "shop/web:v1", &by_digest] {
            let image: ImageName = text.parse().expect(text);
            assert_eq!(image.to_string(), text);
        }
        let repository: RepositoryOrImage = "shop/web".parse().expect("a repository");
        assert!(matches!(repository, RepositoryOrImage::Repository(_)));
    }

    #[test]
    fn what_names_no_image_is_refused_with_its_reason() {
        let twice = format!("shop/web:v1@{DIGEST}");
        let host = format!("127.0.0.1:5000/shop/web@{DIGEST}");
        let cases = [
            ("shop/web", "named shop/web:TAG"),
            ("shop/web:", "can not be a tag"),
            (":v1", "part of a repository name"),
            ("Shop/web:v1", "`Shop` can not be"),
            ("shop/web@v1", "no colon"),
            (&twice, "here are two"),
            ("127.0.0.1:5000/shop/web", "the host"),
            ("127.0.0.1:5000/shop/web:v1", "the host"),
            (&host, "the host"),
        ];
        for (text, expected) in cases {
            let refused = text.parse::<ImageName>().expect_err(text).to_string();
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }
}
