use std::net::SocketAddr;

use berth_oci::ProjectName;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{address, text};

#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mirror {
    /// Upstream that answers at the root too, for names that do not begin with a project, so that
    /// HOST/library/alpine is pulled from it. Set it for clients that take Berth for that registry.
    #[serde(deserialize_with = "text::optional")]
    #[schemars(with = "Option<String>")]
    pub(crate) default: Option<ProjectName>,
    /// Address and port for clients that take Berth for a mirror and can not sign in to one, such
    /// as docker with registry-mirrors: who asks there is never asked for a password, and has what
    /// everybody may pull.
    #[serde(deserialize_with = "address::optional_address_and_port")]
    pub(crate) listen: Option<SocketAddr>,
}
