//! Sentences for people: reasons, steps, lines of logs, refusals. They are said, sent and stored in
//! English; a reader of another language recognises them by these literals.

/// A sentence with values in its places, as `format!` has them. A check of the console reads the
/// literal in the source, and wants a translation of it.
#[macro_export]
macro_rules! sentence {
    ($text:literal $(, $value:expr)* $(,)?) => {
        format!($text $(, $value)*)
    };
}

/// A sentence that has no places; see [`sentence!`].
pub const fn sentence(text: &'static str) -> &'static str {
    text
}
