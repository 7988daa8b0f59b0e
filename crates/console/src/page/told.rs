use super::language::Language;
use super::sentences;

/// A text that the server has formed, as it is shown.
pub(super) struct Told {
    pub(super) text: String,
    /// Whether it stays in English on a page that is not.
    pub(super) foreign: bool,
}

impl Told {
    pub(super) fn new(language: Language, text: &str) -> Self {
        let chinese = match language {
            Language::English => None,
            Language::Chinese => sentences::chinese(text),
        };
        Self {
            foreign: language != Language::English && chinese.is_none(),
            text: chinese.unwrap_or_else(|| text.to_owned()),
        }
    }

    /// What a program has written, or what is in the language of the page already.
    pub(super) fn as_it_is(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            foreign: false,
        }
    }
}
