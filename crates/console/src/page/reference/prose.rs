/// A text of the document, whose code stands between backticks there.
pub(super) struct Prose {
    pub(super) pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) code: bool,
}

impl Prose {
    /// A backtick without another one behind it stays what it is.
    pub(super) fn of(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, (code, behind))) = rest
            .split_once('`')
            .and_then(|(before, behind)| Some((before, behind.split_once('`')?)))
        {
            pieces.extend(Piece::new(before, false));
            pieces.extend(Piece::new(code, true));
            rest = behind;
        }
        pieces.extend(Piece::new(rest, false));
        Self { pieces }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

impl Piece {
    fn new(text: &str, code: bool) -> Option<Self> {
        let text = text.to_owned();
        (!text.is_empty()).then_some(Self { text, code })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code() {
        let told = |text: &str| -> Vec<(String, bool)> {
            let pieces = Prose::of(text).pieces.into_iter();
            pieces.map(|piece| (piece.text, piece.code)).collect()
        };
        let words = |text: &str| (text.to_owned(), false);
        let code = |text: &str| (text.to_owned(), true);
        assert_eq!(
            told("`next` is the `cursor` of"),
            [
                code("next"),
                words(" is the "),
                code("cursor"),
                words(" of")
            ]
        );
        assert_eq!(told("a `b` c` d"), [words("a "), code("b"), words(" c` d")]);
        assert_eq!(told("no code"), [words("no code")]);
        assert!(Prose::of("").is_empty());
    }
}
