use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use super::*;

/// Every text in the templates and handlers of the page.
fn texts() -> BTreeSet<String> {
    let console = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    let mut folders = vec![console.join("templates"), console.join("src/page")];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("tests.rs") => {}
                false => sources.push(fs::read_to_string(path).unwrap()),
            }
        }
    }
    let said = Regex::new(r#"\b(?:say|fill)\(\s*"([^"]+)"|count\([^"]+"([^"]+)", "([^"]+)""#);
    let said = said.unwrap();
    let texts = sources.iter().flat_map(|source| said.captures_iter(source));
    texts
        .flat_map(|found| {
            let groups = found.iter().skip(1).flatten();
            groups
                .map(|text| text.as_str().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_text_has_its_chinese_and_no_other_has() {
    let texts = texts();
    assert!(texts.len() > 50, "only {} texts", texts.len());
    let known: BTreeSet<_> = CHINESE.keys().map(|text| (*text).to_owned()).collect();
    let untranslated: Vec<_> = texts.difference(&known).collect();
    assert!(
        untranslated.is_empty(),
        "without Chinese: {untranslated:#?}"
    );
    let unused: Vec<_> = known.difference(&texts).collect();
    assert!(unused.is_empty(), "said nowhere: {unused:#?}");
}

#[test]
fn a_translation_has_the_places_of_its_text() {
    for (text, chinese) in CHINESE.iter() {
        let places = |text: &str| text.matches("{}").count();
        assert_eq!(places(text), places(chinese), "{text}");
    }
}

#[test]
fn the_language_that_is_wanted_most_is_spoken() {
    for (accepted, language) in [
        ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
        ("en-US,en;q=0.9,zh;q=0.8", Language::English),
        ("en;q=0.5, zh-Hans;q=0.9", Language::Chinese),
        ("fr-FR,fr;q=0.9", Language::English),
        ("zh;q=0, en", Language::English),
        ("", Language::English),
        ("zh;level=1;q=x", Language::English),
    ] {
        assert_eq!(Language::preferred(accepted), language, "{accepted}");
    }
}

#[test]
fn numbers_are_told_in_the_form_of_the_language() {
    let tags = |language: Language, number| language.count(number, "{} tag", "{} tags");
    assert_eq!(tags(Language::English, 1), "1 tag");
    assert_eq!(tags(Language::English, 2), "2 tags");
    assert_eq!(tags(Language::Chinese, 1), "1 个标签");
}
