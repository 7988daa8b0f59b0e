/// The Chinese of a sentence. Its places have the names of those in the English, and say behind a colon
/// what stands there: `{reason:text}`.
pub(super) struct Chinese<'c> {
    parts: Vec<Part<'c>>,
}

enum Part<'c> {
    Words(&'c str),
    Place(Place<'c>),
}

#[derive(Clone, Copy)]
pub(super) struct Place<'c> {
    /// Empty for one that is named by its order.
    pub(super) name: &'c str,
    pub(super) kind: Kind,
}

/// What stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One word: a name, a number, a digest.
    Word,
    /// Words with commas and `and` between them.
    List,
    /// Sentences.
    Text,
    /// What users or other programs write, which stays as it is.
    Any,
}

impl<'c> Chinese<'c> {
    pub(super) fn read(text: &'c str) -> Self {
        let mut parts = Vec::new();
        for piece in super::pattern::pieces(text) {
            parts.push(Part::Words(piece.words));
            parts.extend(piece.place.map(Place::read).map(Part::Place));
        }
        Self { parts }
    }

    pub(super) fn places(&self) -> impl Iterator<Item = Place<'c>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Words(_) => None,
            Part::Place(place) => Some(*place),
        })
    }

    /// With values in its places, each with the name of its place in the English.
    pub(super) fn with(
        &self,
        values: &[(&str, &str)],
        chinese: impl Fn(&str) -> Option<String>,
    ) -> String {
        let mut said = String::new();
        let mut unnamed = values.iter().filter(|(name, _)| name.is_empty());
        for part in &self.parts {
            match part {
                Part::Words(words) => said.push_str(words),
                Part::Place(place) => {
                    let value = match place.name {
                        "" => unnamed.next(),
                        name => values.iter().find(|(of, _)| *of == name),
                    };
                    let value = value.map_or("", |(_, value)| value);
                    match place.kind {
                        Kind::Word | Kind::Any => said.push_str(value),
                        Kind::List => said.push_str(&listed(value)),
                        Kind::Text => match chinese(value) {
                            Some(chinese) => said.push_str(&chinese),
                            None => said.push_str(value),
                        },
                    }
                }
            }
        }
        said
    }
}

fn listed(words: &str) -> String {
    words.replace(", ", "、").replace(" and ", " 和 ")
}

impl<'c> Place<'c> {
    fn read(text: &'c str) -> Self {
        let (name, kind) = text.split_once(':').unwrap_or((text, ""));
        let kind = match kind {
            "list" => Kind::List,
            "text" => Kind::Text,
            "any" => Kind::Any,
            _ => Kind::Word,
        };
        Self { name, kind }
    }
}
