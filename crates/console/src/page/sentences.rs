//! Chinese for what the other crates say: reasons, steps, lines of logs, refusals. They arrive, and are
//! stored, in English. `texts/zh_sentences.json` has each sentence as it stands in their source, with
//! its Chinese; so a text is recognised by the sentence, and its values are put into the Chinese.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use chinese::Chinese;
use pattern::Pattern;

mod chinese;
mod pattern;

/// How deep sentences stand in sentences. Ours do not go as far; what users write may.
const DEEPEST: usize = 6;
/// So many joints of one text are looked at.
const MOST_JOINTS: usize = 16;
/// What stands between two sentences in one text: a cause, and one more.
const JOINTS: [(&str, &str); 2] = [(": ", "："), ("; ", "；")];

static SENTENCES: LazyLock<Vec<Sentence>> = LazyLock::new(|| {
    let sentence = |(english, chinese): (&'static String, &'static String)| {
        let chinese = Chinese::read(chinese);
        Sentence {
            pattern: Pattern::new(english, &chinese),
            chinese,
        }
    };
    TEXTS.iter().map(sentence).collect()
});

/// English, and Chinese.
static TEXTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let text = include_str!("../../texts/zh_sentences.json");
    serde_json::from_str(text).expect("a JSON object of texts")
});

struct Sentence {
    pattern: Pattern<'static>,
    chinese: Chinese<'static>,
}

/// The Chinese of a text; `None` if nothing of it is known.
pub(super) fn chinese(text: &str) -> Option<String> {
    joined(text, DEEPEST)
}

/// A sentence that a text begins with, up to a joint or its end.
struct Beginning<'t> {
    sentence: &'static Sentence,
    values: Vec<(&'static str, &'t str)>,
    end: usize,
    joint: Option<Joint>,
}

impl<'t> Beginning<'t> {
    /// What a sentence has in its places may look like another one: the one that says more from the
    /// beginning on is meant, of those the one that has more words of its own, and of those the longest.
    fn of(text: &'t str, joints: &[(usize, Joint)]) -> Option<Self> {
        let ends = joints.iter().map(|(at, joint)| (*at, Some(*joint)));
        let ends = ends.chain([(text.len(), None)]);
        let beginnings = ends.flat_map(|(end, joint)| {
            SENTENCES.iter().filter_map(move |sentence| {
                let values = sentence.pattern.values_in(&text[..end])?;
                Some(Self {
                    sentence,
                    values,
                    end,
                    joint,
                })
            })
        });
        beginnings.min_by_key(|it| {
            let pattern = &it.sentence.pattern;
            let open = pattern.begins_open(&it.values);
            (open, Reverse(pattern.own_bytes()), Reverse(it.end))
        })
    }
}

/// The Chinese of sentences with joints between them. What is not known stays as it is.
fn joined(text: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let mut said = String::new();
    let mut known = false;
    let mut rest = text;
    while !rest.is_empty() {
        let joints: Vec<_> = joints(rest).take(MOST_JOINTS).collect();
        if let Some(first) = Beginning::of(rest, &joints) {
            known = true;
            let within = |text: &str| joined(text, depth);
            said.push_str(&first.sentence.chinese.with(&first.values, within));
            let (english, chinese) = first.joint.unwrap_or_default();
            said.push_str(chinese);
            rest = &rest[first.end + english.len()..];
        } else {
            let behind = joints.first().map(|(at, (english, _))| at + english.len());
            let (unknown, others) = rest.split_at(behind.unwrap_or(rest.len()));
            said.push_str(unknown);
            rest = others;
        }
    }
    known.then_some(said)
}

type Joint = (&'static str, &'static str);

fn joints(text: &str) -> impl Iterator<Item = (usize, Joint)> {
    text.char_indices().filter_map(|(at, _)| {
        let joint = JOINTS
            .into_iter()
            .find(|(english, _)| text[at..].starts_with(english))?;
        Some((at, joint))
    })
}

#[cfg(test)]
mod tests;
