use super::chinese::{Chinese, Kind, Place};

/// A sentence as it stands in the source, to recognise texts that were made from it.
pub(super) struct Pattern<'p> {
    begins: &'p str,
    /// Each place, with the words behind it.
    rest: Vec<(Place<'p>, &'p str)>,
}

/// Some words of a text, and the inside of the `{}` behind them.
pub(super) struct Piece<'t> {
    pub(super) words: &'t str,
    pub(super) place: Option<&'t str>,
}

/// All of a text. Only the last piece has no place.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((words, behind)) = rest.split_once('{') {
        let Some((place, behind)) = behind.split_once('}') else {
            break;
        };
        pieces.push(Piece {
            words,
            place: Some(place),
        });
        rest = behind;
    }
    pieces.push(Piece {
        words: rest,
        place: None,
    });
    pieces
}

impl<'p> Pattern<'p> {
    /// The Chinese says what stands in the places.
    pub(super) fn new(english: &'p str, chinese: &Chinese<'p>) -> Self {
        let pieces = pieces(english);
        let mut unnamed = chinese.places().filter(|place| place.name.is_empty());
        let places = pieces.iter().filter_map(|piece| {
            let name = piece.place?;
            let place = match name {
                "" => unnamed.next(),
                name => chinese.places().find(|place| place.name == name),
            };
            let kind = place.map_or(Kind::Word, |place| place.kind);
            Some(Place { name, kind })
        });
        let behind = pieces.iter().skip(1).map(|piece| piece.words);
        Self {
            begins: pieces.first().map_or("", |piece| piece.words),
            rest: places.zip(behind).collect(),
        }
    }

    /// The values that stand in its places, with their names, if the text is this sentence.
    pub(super) fn values_in<'t>(&self, text: &'t str) -> Option<Vec<(&'p str, &'t str)>> {
        let mut left = text.strip_prefix(self.begins)?;
        let Some((_, others)) = self.rest.split_last() else {
            return left.is_empty().then(Vec::new);
        };
        let (last, end) = self.rest.last()?;
        let mut values = Vec::new();
        for (place, words) in others {
            let (value, behind) = place.split(left, words)?;
            values.push((place.name, place.take(value)?));
            left = behind;
        }
        values.push((last.name, last.take(left.strip_suffix(end)?)?));
        Some(values)
    }

    /// How much of a text is anybody's before the first words that are its own.
    pub(super) fn begins_open(&self, values: &[(&str, &str)]) -> usize {
        let open = self.begins.is_empty() && self.rest.first().is_some_and(|(it, _)| it.is_open());
        let first = values.first().filter(|_| open);
        first.map_or(0, |(_, value)| value.len())
    }

    pub(super) fn own_bytes(&self) -> usize {
        let rest: usize = self.rest.iter().map(|(_, words)| words.len()).sum();
        self.begins.len() + rest
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<&'p str> {
        self.rest.iter().map(|(place, _)| place.name).collect()
    }
}

impl Place<'_> {
    fn is_open(self) -> bool {
        match self.kind {
            Kind::Word | Kind::List => false,
            Kind::Text | Kind::Any => true,
        }
    }

    /// Where the value of this place ends, and the words behind it. What somebody writes may have those
    /// words in it too.
    fn split<'t>(self, text: &'t str, words: &str) -> Option<(&'t str, &'t str)> {
        match self.kind {
            Kind::Any => text.rsplit_once(words),
            Kind::Word | Kind::List | Kind::Text => text.split_once(words),
        }
    }

    /// The value, if it is one for this place.
    fn take(self, value: &str) -> Option<&str> {
        let fits = match self.kind {
            Kind::Word => !value.is_empty() && !value.contains(char::is_whitespace),
            Kind::List => !value.is_empty() && !value.contains('\n'),
            Kind::Text | Kind::Any => true,
        };
        fits.then_some(value)
    }
}
