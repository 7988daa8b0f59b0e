use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A JSON document of the API, kept as it came so that `--json` can print it so.
pub(crate) struct Document(Box<RawValue>);

impl Document {
    pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes).map(Self)
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.text())
    }

    pub(crate) fn text(&self) -> &str {
        self.0.get()
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Deserialize::deserialize(deserializer).map(Self)
    }
}

/// A part of a list, and what its next part is asked for with.
#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) items: Vec<Document>,
    pub(super) next: Option<String>,
}

impl Page {
    /// The most items that the API gives in one answer.
    pub(super) const MOST_ITEMS: usize = 1000;
}
