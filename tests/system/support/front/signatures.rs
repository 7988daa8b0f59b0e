use std::collections::HashMap;

/// What opens blobs where the registry redirects to: numbers, each good for some requests.
#[derive(Default)]
pub(super) struct Signatures {
    given: usize,
    /// By number, those that are still good and how often.
    good: HashMap<usize, usize>,
    uses: Option<usize>,
}

impl Signatures {
    /// The query of a location that opens the blob.
    pub(super) fn give(&mut self) -> String {
        self.given += 1;
        let uses = self.uses.unwrap_or(usize::MAX);
        self.good.insert(self.given, uses);
        format!("sig=c2lnbmVk&n={}", self.given)
    }

    /// Whether the query opens the blob, for this once.
    pub(super) fn take(&mut self, query: &str) -> bool {
        let number = query.strip_prefix("sig=c2lnbmVk&n=");
        let number: Option<usize> = number.and_then(|number| number.parse().ok());
        match number.and_then(|number| self.good.get_mut(&number)) {
            None | Some(0) => false,
            Some(uses) => {
                *uses -= 1;
                true
            }
        }
    }

    pub(super) fn expire(&mut self) {
        self.good.clear();
    }

    pub(super) fn last(&mut self, uses: usize) {
        self.uses = Some(uses);
    }
}
