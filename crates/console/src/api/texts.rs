//! How texts are described that are more than any text. The parser of each is elsewhere; that both
//! take and refuse the same is what tests/openapi shows.

use berth_registry::auth::{Action, ActionSet};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! texts {
    ($($(#[$doc:meta])* $type:ident: $pattern:expr, at most $bytes:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $type;

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
    RepositoryName: concat!("^", component!(), "(/", component!(), ")*$"), at most 255;
    Tag: concat!("^", tag!(), "$"), at most 128;
    Digest: concat!("^(", digest!(), ")$"), at most 135;
    Reference: concat!("^(", tag!(), "|", digest!(), ")$"), at most 135;
    RepositoryGlob: concat!("^(", glob!(), ")(/(", glob!(), "))*$"), at most 255;
}

/// The name of an action, or the sign for all of them.
pub(super) struct ActionName;

impl ToSchema for ActionName {}

impl PartialSchema for ActionName {
    fn schema() -> RefOr<Schema> {
        let names = Action::ALL.into_iter().map(Action::as_str);
        let names = names.chain([ActionSet::EVERYTHING]);
        let text = ObjectBuilder::new().schema_type(Type::String);
        Schema::Object(text.enum_values(Some(names)).build()).into()
    }
}
