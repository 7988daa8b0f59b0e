use berth_oci::{Digest, Tag};

/// The manifest to which a tag is attached, by its name: `sha256-<hex>.sig`, `.att` and `.sbom` are
/// signatures and the like of `sha256:<hex>`, and `sha256-<hex>` lists what refers to it.
pub(super) fn subject_of(tag: &Tag) -> Option<Digest> {
    let stem = match tag.as_str().split_once('.') {
        None => tag.as_str(),
        Some((stem, "sig" | "att" | "sbom")) => stem,
        Some(_) => return None,
    };
    let hex = stem.strip_prefix("sha256-")?;
    format!("sha256:{hex}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::subject_of;

    #[test]
    fn a_tag_is_attached_if_its_name_is_made_of_a_digest() {
        let hex = "0123456789abcdef".repeat(4);
        let digest = format!("sha256:{hex}");
        for end in ["", ".sig", ".att", ".sbom"] {
            let tag = format!("sha256-{hex}{end}").parse().unwrap();
            let subject = subject_of(&tag).map(|digest| digest.to_string());
            assert_eq!(subject.as_deref(), Some(digest.as_str()), "{tag}");
        }
        for other in ["latest", "sha256-12.sig", "1.0.sig", "sha256-"] {
            assert_eq!(subject_of(&other.parse().unwrap()), None, "{other}");
        }
        for end in [".txt", ".sig.old", "-x"] {
            let tag = format!("sha256-{hex}{end}").parse().unwrap();
            assert_eq!(subject_of(&tag), None, "{tag}");
        }
    }
}
