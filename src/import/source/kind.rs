use berth_oci::MediaType;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What a manifest is: as it was declared where that says it, else as Distribution tells it from its
/// members. OCI's documents need not have a media type in them, a storage folder keeps none beside
/// them, and some registries declare all that they serve to be JSON.
pub(super) fn media_type(declared: Option<&str>, bytes: &[u8]) -> Option<String> {
    let known =
        |media_type: &MediaType| media_type.image() || media_type.index() || media_type.schema1();
    let declared = declared.and_then(|text| text.parse().ok()).filter(known);
    if let Some(declared) = declared {
        return Some(declared.to_string());
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        schema_version: Option<u64>,
        media_type: Option<String>,
        manifests: Option<IgnoredAny>,
        config: Option<IgnoredAny>,
    }
    let document: Document = serde_json::from_slice(bytes).ok()?;
    if document.schema_version == Some(1) {
        return Some(MediaType::DOCKER_SCHEMA1_SIGNED.to_owned());
    }
    if let Some(member) = document.media_type.filter(|text| !text.is_empty()) {
        return Some(member);
    }
    match (document.manifests, document.config) {
        (Some(_), _) => Some(MediaType::OCI_INDEX.to_owned()),
        (None, Some(_)) => Some(MediaType::OCI_MANIFEST.to_owned()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use berth_oci::MediaType;

    use super::media_type;

    #[test]
    fn a_manifest_is_what_it_is_declared_to_be_or_what_its_members_say() {
        let cases = [
            (
                Some(MediaType::DOCKER_MANIFEST),
                "{}",
                Some(MediaType::DOCKER_MANIFEST),
            ),
            (
                Some("application/json"),
                r#"{"config":{}}"#,
                Some(MediaType::OCI_MANIFEST),
            ),
            (
                None,
                r#"{"schemaVersion":2,"config":{}}"#,
                Some(MediaType::OCI_MANIFEST),
            ),
            (
                None,
                r#"{"schemaVersion":2,"manifests":[]}"#,
                Some(MediaType::OCI_INDEX),
            ),
            (None, r#"{"mediaType":"a/b","manifests":[]}"#, Some("a/b")),
            (
                None,
                r#"{"schemaVersion":1}"#,
                Some(MediaType::DOCKER_SCHEMA1_SIGNED),
            ),
            (None, "{}", None),
            (None, "<html>", None),
        ];
        for (declared, bytes, expected) in cases {
            let actual = media_type(declared, bytes.as_bytes());
            assert_eq!(actual.as_deref(), expected, "{declared:?} {bytes}");
        }
    }
}
