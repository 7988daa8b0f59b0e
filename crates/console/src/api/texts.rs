//! How texts are described that are more than any text. The parser of each is elsewhere; that both
//! take and refuse the same is what tests/openapi shows.

use berth_deployer::{Cause, LineKind, Reason, State, StepState};
use berth_proxy::Profile;
use berth_registry::auth::{Action, ActionSet};
use berth_registry::retention::RunState;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::attention::Kind;

macro_rules! texts {
    ($($(#[$doc:meta])* $type:ident: $pattern:expr, at most $bytes:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $type;

        impl ToSchema for $type {}

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                let text = text.pattern(Some($pattern)).max_length(Some($bytes));
                Schema::Object(text.build()).into()
            }
        }
    )*};
}

macro_rules! component {
    () => {
        "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*"
    };
}

macro_rules! repository {
    () => {
        concat!(component!(), "(/", component!(), ")*")
    };
}

macro_rules! tag {
    () => {
        "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
    };
}

macro_rules! digest {
    () => {
        "sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
    };
}

macro_rules! glob {
    () => {
        "\\*\\*?|\\*?[a-z0-9._-]+(\\*[a-z0-9._-]+)*\\*?"
    };
}

texts! {
    /// Of a user, a token, a robot or a role.
    AccountName: "^[a-z]([a-z0-9._-]*[a-z0-9])?$", at most 64;
    ProjectName: concat!("^", component!(), "$"), at most 255;
    RepositoryName: concat!("^", repository!(), "$"), at most 255;
    Tag: concat!("^", tag!(), "$"), at most 128;
    Digest: concat!("^(", digest!(), ")$"), at most 135;
    Reference: concat!("^(", tag!(), "|", digest!(), ")$"), at most 135;
    /// A repository with a tag or a digest.
    ImageName: concat!("^", repository!(), "(:", tag!(), "|@(", digest!(), "))$"), at most 391;
    /// A repository of an upstream with a tag.
    WarmImage: concat!("^", repository!(), ":", tag!(), "$"), at most 384;
    PlatformName: "^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$", at most 100;
    /// A host, or `host:port`.
    Host: "^[A-Za-z0-9._:\\[\\]-]+$", at most 261;
    /// A host, `host:port` or `*.domain`.
    HostPattern: "^[A-Za-z0-9._:*\\[\\]-]+$", at most 261;
    /// A regular expression that matches whole tags.
    TagPattern: "^", at most 255;
    /// A glob of whole tags, `regex:` and an expression, or `semver:` and a range.
    TagsPattern: "^([A-Za-z0-9._*?-]+|regex:.*|semver:.*)$", at most 255;
    /// A stack, or a service of one.
    RunningName: "^[A-Za-z0-9_][A-Za-z0-9._-]*$", at most 255;
    /// A label that says how something is deployed.
    DeployLabel: "^berth\\.deploy(\\.[a-z]+)?$", at most 64;
    /// What such a label says.
    DeployLabelValue: "^", at most 4096;
    /// What something was numbered with, in digits.
    Number: "^[1-9][0-9]{0,17}$", at most 18;
    RepositoryGlob: concat!("^(", glob!(), ")(/(", glob!(), "))*$"), at most 255;
}

macro_rules! maps {
    ($($(#[$doc:meta])* $type:ident: $key:ty => $value:ty, $least:expr, at most $most:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $type;

        impl ToSchema for $type {}

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let map = ObjectBuilder::new().schema_type(Type::Object);
                let map = map
                    .property_names(Some(plain(<$key>::schema())))
                    .additional_properties(Some(<$value>::schema()))
                    .min_properties($least)
                    .max_properties(Some($most));
                Schema::Object(map.build()).into()
            }
        }
    )*};
}

fn plain(schema: RefOr<Schema>) -> Schema {
    match schema {
        RefOr::T(schema) => schema,
        RefOr::Ref(_) => unreachable!("texts are described where they are"),
    }
}

maps! {
    /// What services are to run.
    DigestsByService: RunningName => Digest, Some(1), at most 100;
    DeployLabels: DeployLabel => DeployLabelValue, None, at most 50;
}

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident: $names:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $type;

        impl ToSchema for $type {}

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                Schema::Object(text.enum_values(Some($names)).build()).into()
            }
        }
    )*};
}

names! {
    /// The name of an action, or the sign for all of them.
    ActionName: Action::ALL.into_iter().map(Action::as_str).chain([ActionSet::EVERYTHING]);
    /// A kind of registry.
    ProfileName: Profile::names();
    CapabilityName: ["resolve", "pull"];
    /// Where a deployment is.
    DeploymentState: State::ALL.iter().map(|state| state.as_str());
    /// What needs somebody.
    AttentionKind: Kind::ALL.iter().map(|kind| kind.as_str());
    /// Where a run of retention is.
    RetentionState: RunState::ALL.iter().map(|state| state.as_str());
    /// Why there is a deployment.
    DeploymentCause: Cause::ALL.iter().map(|cause| cause.as_str());
    DeploymentPhase: ["pull", "before", "replace", "verify", "after", "settle"];
    DeploymentStepState: StepState::ALL.iter().map(|state| state.as_str());
    /// What a line is about.
    DeploymentLineKind: LineKind::ALL.iter().map(|kind| kind.as_str());
    /// Why a push was, or was not, deployed.
    DecisionReason: Reason::ALL.iter().map(|reason| reason.as_str());
    DecisionOutcome: ["deploys", "not_deployed"];
}
