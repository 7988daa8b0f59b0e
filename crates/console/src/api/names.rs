//! What paths name. Each is read into its type here; a name that can not be one is told so.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use berth_oci::{Digest, ProjectName, Reference, RepositoryName, Tag};
use berth_registry::auth::{RobotName, RoleName, TokenName, UserName};
use berth_registry::sentence;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::problem::Problem;
use super::texts;

mod running;

pub(crate) use running::{Number, RunningName};

/// The parts of a path, percent-decoded. What is not UTF-8 is a bad request in our own form.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(names) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::bad_request(sentence("the path is not UTF-8")))?;
        Ok(Self(names))
    }
}

macro_rules! paths {
    ($($(#[$doc:meta])* $type:ident { $($(#[$field_doc:meta])* $field:ident: $name:ty as $text:ident = $example:literal),* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Deserialize, IntoParams)]
        #[into_params(parameter_in = Path)]
        pub(crate) struct $type {
            $($(#[$field_doc])*
            #[param(value_type = texts::$text, inline, example = $example)]
            pub(crate) $field: String,)*
        }

        impl $type {
            $(pub(crate) fn $field(&self) -> Result<$name, Problem> {
                self.$field.parse().map_err(Problem::bad_request)
            })*
        }
    )*};
}

paths! {
    UserPath {
        /// Name of the user
        user: UserName as AccountName = "alice"
    }
    TokenPath {
        /// Name of the user
        user: UserName as AccountName = "alice",
        /// Name of the token
        token: TokenName as AccountName = "laptop"
    }
    SessionPath {
        /// Name of the user
        user: UserName as AccountName = "alice",
        /// Number of the session
        session: Number as Number = "7"
    }
    RobotPath {
        /// Name of the robot
        robot: RobotName as AccountName = "backup"
    }
    ProjectPath {
        /// Name of the project
        project: ProjectName as ProjectName = "shop"
    }
    ProjectRobotPath {
        /// Name of the project
        project: ProjectName as ProjectName = "shop",
        /// Name of the robot in the project
        robot: RobotName as AccountName = "ci"
    }
    MemberPath {
        /// Name of the project
        project: ProjectName as ProjectName = "shop",
        /// Name of the user
        user: UserName as AccountName = "alice"
    }
    RolePath {
        /// Name of the project
        project: ProjectName as ProjectName = "shop",
        /// Name of the role
        role: RoleName as AccountName = "tester"
    }
    ImmutableTagsPath {
        /// Name of the project
        project: ProjectName as ProjectName = "shop",
        /// Number of the rule
        rule: Number as Number = "7"
    }
    RetentionRunPath {
        /// Name of the project
        project: ProjectName as ProjectName = "shop",
        /// Number of the run
        run: Number as Number = "7"
    }
    UpstreamPath {
        /// Name of the upstream
        upstream: ProjectName as ProjectName = "hub"
    }
    GroupPath {
        /// Name of the group
        group: ProjectName as ProjectName = "all"
    }
    CachePath {
        /// Name of the project that keeps what comes from a registry
        project: ProjectName as ProjectName = "hub"
    }
    RepositoryPath {
        /// Name of the repository, percent-encoded: shop%2Fweb
        repository: RepositoryName as RepositoryName = "shop/web"
    }
    TagPath {
        /// Name of the repository, percent-encoded: shop%2Fweb
        repository: RepositoryName as RepositoryName = "shop/web",
        /// The tag
        tag: Tag as Tag = "latest"
    }
    ImagePath {
        /// Name of the repository, percent-encoded: shop%2Fweb
        repository: RepositoryName as RepositoryName = "shop/web",
        /// A tag, or a digest
        reference: Reference as Reference = "latest"
    }
    ImageDigestPath {
        /// Name of the repository, percent-encoded: shop%2Fweb
        repository: RepositoryName as RepositoryName = "shop/web",
        /// A digest: a tag will not do
        reference: Digest as Digest = "sha256:2e0c9e9b9595dd521f58d73e7a0d251e8d8a95740d923f461fc72f48d59edeab"
    }
    DeploymentPath {
        /// Number of the deployment
        deployment: Number as Number = "7"
    }
    TargetPath {
        /// Name of the target
        target: ProjectName as ProjectName = "local"
    }
    StackPath {
        /// Name of the target
        target: ProjectName as ProjectName = "local",
        /// Name of the stack: a Compose project, or a container that is in none
        stack: RunningName as RunningName = "shop"
    }
    ServicePath {
        /// Name of the target
        target: ProjectName as ProjectName = "local",
        /// Name of the stack: a Compose project, or a container that is in none
        stack: RunningName as RunningName = "shop",
        /// Name of the service in the stack
        service: RunningName as RunningName = "web"
    }
    DeletionPath {
        /// Number of the deletion
        deletion: Number as Number = "7"
    }
    DeployRulePath {
        /// Number of the rule
        rule: Number as Number = "7"
    }
}
