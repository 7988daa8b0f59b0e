use super::super::frame::Frame;
use crate::api::images::ReferrerOf;

/// What is attached to an image, as people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attachment {
    Signature,
    Attestation,
    SignatureOrAttestation,
    BillOfMaterials,
    ScanReport,
}

impl Attachment {
    /// `None` if its type is none that many tools write.
    pub(super) fn of(referrer: &ReferrerOf) -> Option<Self> {
        let kind = referrer.artifact_type.as_ref();
        Self::of_type(kind.unwrap_or(&referrer.media_type))
    }

    pub(super) fn of_type(artifact_type: &str) -> Option<Self> {
        Some(match artifact_type {
            "application/vnd.cncf.notary.signature"
            | "application/vnd.dev.cosign.artifact.sig.v1+json"
            | "application/vnd.dev.cosign.simplesigning.v1+json" => Self::Signature,
            "application/vnd.in-toto+json" | "application/vnd.dev.cosign.artifact.att.v1+json" => {
                Self::Attestation
            }
            "application/spdx+json"
            | "text/spdx"
            | "application/vnd.cyclonedx+json"
            | "application/vnd.cyclonedx+xml"
            | "application/vnd.syft+json"
            | "application/vnd.dev.cosign.artifact.sbom.v1+json" => Self::BillOfMaterials,
            "application/sarif+json" => Self::ScanReport,
            // Its version is in its name; what it holds is in an annotation that not all write.
            _ if artifact_type.starts_with("application/vnd.dev.sigstore.bundle") => {
                Self::SignatureOrAttestation
            }
            _ => return None,
        })
    }
}

impl Frame {
    pub(super) fn attachment(&self, attachment: Attachment) -> &'static str {
        let say = |text| self.say(text);
        match attachment {
            Attachment::Signature => say("Signature"),
            Attachment::Attestation => say("Attestation"),
            Attachment::SignatureOrAttestation => say("Signature or attestation"),
            Attachment::BillOfMaterials => say("Bill of materials (SBOM)"),
            Attachment::ScanReport => say("Report of a scan"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Attachment;

    #[test]
    fn what_many_tools_write_has_a_name() {
        for (artifact_type, kind) in [
            (
                "application/vnd.dev.sigstore.bundle.v0.3+json",
                Some(Attachment::SignatureOrAttestation),
            ),
            ("application/spdx+json", Some(Attachment::BillOfMaterials)),
            ("application/vnd.example.notes", None),
        ] {
            assert_eq!(Attachment::of_type(artifact_type), kind, "{artifact_type}");
        }
    }
}
