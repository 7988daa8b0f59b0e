use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::world::{digest, empty_index};

pub(super) const BLOB: &[u8] = b"a blob";
/// A repository that blobs are mounted from.
pub(super) const SOURCE: &str = "shop/web-other";

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a request names, each by the word that stands for it in a template.
#[derive(Clone, Debug)]
pub(super) struct Names(BTreeMap<&'static str, String>);

/// Makes names that nothing has, each as long as the one that something has.
pub(super) struct Fresh(u32);

impl Names {
    /// Those of things that are there.
    pub(super) fn there(upload: &str) -> Self {
        let names = [
            ("project", "shop".to_owned()),
            ("repository", "shop/web-front".to_owned()),
            ("tag", "stable".to_owned()),
            ("digest", digest(&empty_index())),
            ("blob", digest(BLOB)),
            ("upload", upload.to_owned()),
            ("user", "dora".to_owned()),
            ("token", "laptop".to_owned()),
            ("robot", "ci-bot".to_owned()),
            ("role", "auditor".to_owned()),
            ("upstream", "faraway".to_owned()),
            ("group", "bundle".to_owned()),
            ("target", "engine".to_owned()),
            ("stack", "bakery".to_owned()),
            ("service", "kitchen".to_owned()),
            ("deployment", "74110001".to_owned()),
            ("rule", "73110001".to_owned()),
            ("deletion", "75110001".to_owned()),
            ("run", "72110001".to_owned()),
            ("session", "71110001".to_owned()),
        ];
        Self(names.into())
    }

    pub(super) fn of(&self, word: &str) -> &str {
        &self.0[word]
    }

    /// Puts names into a template.
    pub(super) fn fill(&self, template: &str) -> String {
        self.replace(template, str::to_owned)
    }

    /// As [`Names::fill`], for a path of the management API.
    pub(super) fn fill_path(&self, template: &str) -> String {
        self.replace(template, encoded)
    }

    fn replace(&self, template: &str, encode: impl Fn(&str) -> String) -> String {
        let names = self.0.iter();
        names.fold(template.to_owned(), |text, (word, name)| {
            text.replace(&format!("{{{word}}}"), &encode(name))
        })
    }

    /// Takes names out of an answer.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut names: Vec<_> = self.0.iter().collect();
        // A repository before its project.
        names.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
        let text = text.replace(SOURCE, "{source}");
        // Who asks has the name whatever the project is.
        let text = text.replace("shop+", "{own}+");
        names.into_iter().fold(text, |text, (word, name)| {
            let word = format!("{{{word}}}");
            // Pages hold the path that was asked for.
            text.replace(name, &word).replace(&encoded(name), &word)
        })
    }

    /// The same, but that nothing has the name that this word stands for.
    pub(super) fn without(&self, word: &'static str, fresh: &mut Fresh) -> Self {
        let mut names = self.clone();
        let name = match word {
            "project" => fresh.word("", "shop".len()),
            "repository" => format!("{}/{}", self.of("project"), fresh.word("web-", 9)),
            "digest" | "blob" => digest(fresh.word("", 9).as_bytes()),
            "upload" => Uuid::new_v4().to_string(),
            "deployment" | "rule" | "deletion" | "run" | "session" => fresh.number(),
            _ => fresh.word("", self.of(word).len()),
        };
        if word == "project" {
            let (_, last) = self.of("repository").split_once('/').unwrap();
            let repository = format!("{name}/{last}");
            names.0.insert("repository", repository);
        }
        names.0.insert(word, name);
        names
    }
}

/// As browsers leave a segment of a path (RFC 3986, section 2.3).
fn encoded(name: &str) -> String {
    utf8_percent_encode(name, RESERVED).to_string()
}

impl Fresh {
    pub(super) fn new() -> Self {
        Self(0)
    }

    /// As long as those of things that are there.
    fn number(&mut self) -> String {
        self.0 += 1;
        assert!(
            self.0 < 10_000_000,
            "all numbers of this length are used up"
        );
        format!("8{:07}", self.0)
    }

    /// With a `z`, which is in no word that answers have.
    fn word(&mut self, start: &str, length: usize) -> String {
        self.0 += 1;
        let width = length - start.len() - 1;
        let mut digits = Vec::new();
        let mut rest = self.0;
        for _ in 0..width {
            digits.push(char::from_digit(rest % 36, 36).unwrap());
            rest /= 36;
        }
        assert_eq!(rest, 0, "all names of this length are used up");
        format!("{start}z{}", digits.into_iter().rev().collect::<String>())
    }
}
