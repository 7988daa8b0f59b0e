use berth_oci::{RepositoryName, Tag};
use clap::Args;

use super::values::{ImageName, RepositoryOrImage};

#[derive(Args)]
pub(crate) struct LsArguments {
    /// A project, or with a `/` in it a repository; without one the projects are listed
    #[arg(value_name = "PROJECT|REPOSITORY")]
    pub(crate) name: Option<RepositoryName>,
    /// Take a name without a `/` for that of a repository
    #[arg(long, requires = "name")]
    pub(crate) tags: bool,
}

#[derive(Args)]
pub(crate) struct InspectArguments {
    #[arg(value_name = "REPOSITORY[:TAG|@DIGEST]")]
    pub(crate) name: RepositoryOrImage,
}

#[derive(Args)]
pub(crate) struct TagArguments {
    /// What the tag is to point at
    #[arg(value_name = "REPOSITORY:TAG|REPOSITORY@DIGEST")]
    pub(crate) image: ImageName,
    #[arg(value_name = "NEWTAG")]
    pub(crate) tag: Tag,
}

#[derive(Args)]
pub(crate) struct RmArguments {
    /// With a tag, the tag alone goes; with a digest, the image goes and its tags with it; without
    /// either, the repository goes and all of its images with it
    #[arg(value_name = "REPOSITORY[:TAG|@DIGEST]")]
    pub(crate) name: RepositoryOrImage,
    /// Do not ask before an image or a repository is deleted
    #[arg(short, long)]
    pub(crate) yes: bool,
}
