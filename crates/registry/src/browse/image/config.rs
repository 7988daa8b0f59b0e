use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Descriptor, Layer, Platform};

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Whether a config of this media type says what is read here.
pub fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, OCI_CONFIG | DOCKER_CONFIG)
}

/// What is shown of the config of an image (image specification, `config.md`).
///
/// oci-spec's type would refuse what older versions of Docker wrote, such as `"ExposedPorts": null`,
/// and what is only nearly a config; here each member may be missing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::browse) struct ImageConfig {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    pub(super) created: Option<String>,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) config: Execution,
    #[serde(deserialize_with = "null_is_default")]
    history: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Execution {
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) env: Option<Vec<String>>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) cmd: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Step {
    created_by: Option<String>,
    empty_layer: Option<bool>,
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What bytes say that a client pushed as a config, if they are one.
pub(super) fn read(bytes: &[u8]) -> Option<ImageConfig> {
    serde_json::from_slice(bytes).ok()
}

impl ImageConfig {
    pub(in crate::browse) fn platform(&self) -> Option<Platform> {
        Some(Platform {
            os: self.os.clone().filter(|os| !os.is_empty())?,
            architecture: self.architecture.clone().filter(|name| !name.is_empty())?,
            variant: self.variant.clone().filter(|variant| !variant.is_empty()),
        })
    }

    /// The layers with the commands that made them. Steps are not named by layer, so they are only
    /// told apart when there is one for each.
    pub(super) fn made(&self, layers: Vec<Descriptor>) -> Vec<Layer> {
        let steps: Vec<_> = self
            .history
            .iter()
            .filter(|step| step.empty_layer != Some(true))
            .collect();
        let known = steps.len() == layers.len();
        let layer = |(place, descriptor)| Layer {
            descriptor,
            created_by: steps
                .get(place)
                .filter(|_| known)
                .and_then(|step: &&Step| step.created_by.clone()),
        };
        layers.into_iter().enumerate().map(layer).collect()
    }
}
