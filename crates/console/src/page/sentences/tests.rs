use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::*;

/// What no page shows: sources whose errors go to logs, command lines and clients of the registry.
const UNSEEN: [&str; 19] = [
    "deployer/src/settings.rs",
    "oci/src/endpoint",
    "oci/src/manifest",
    "oci/src/media_type",
    "oci/src/range",
    "oci/src/upload_id",
    "proxy/src/proxy.rs",
    "proxy/src/upstream/error/open.rs",
    "registry/src/auth/account",
    "registry/src/auth/credentials",
    "registry/src/auth/keys",
    "registry/src/auth/seal",
    "registry/src/auth/token",
    "registry/src/backup",
    "registry/src/body",
    "registry/src/db/",
    "registry/src/fsck",
    "registry/src/http",
    "registry/src/release",
];
const UNSEEN_TOO: [&str; 3] = [
    "registry/src/registry.rs",
    "registry/src/source",
    "registry/src/upload",
];

/// The Rust sources of all crates, but for tests and what is unseen.
fn sources() -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let names = ["oci", "registry", "proxy", "deployer", "console"];
    let mut folders: Vec<PathBuf> = names.map(|name| crates.join(name).join("src")).into();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let place = path.strip_prefix(crates).unwrap().to_str().unwrap();
            let unseen = UNSEEN.iter().chain(&UNSEEN_TOO);
            if place.contains("tests") || unseen.clone().any(|it| place.starts_with(it)) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(path).unwrap();
            let tests = source.find("#[cfg(test)]\nmod tests {");
            sources.push(source[..tests.unwrap_or(source.len())].to_owned());
        }
    }
    sources
}

/// Every sentence that a crate says to people.
fn sentences() -> BTreeSet<String> {
    let said = Regex::new(r#"(?s)(?:\bsentence!?\(|#\[error\()\s*"((?:[^"\\]|\\.)*)""#)
        .expect("a pattern");
    let broken = Regex::new(r"\\\n\s*").expect("a pattern");
    let place = Regex::new(r"\{[^}]*\}").expect("a pattern");
    let mut sentences = BTreeSet::new();
    for source in sources() {
        for found in said.captures_iter(&source) {
            let text = broken.replace_all(&found[1], "").replace("\\\"", "\"");
            let words = place.replace_all(&text, "");
            // What only joins others has no words.
            if !words.chars().all(|it| ":; ".contains(it)) {
                sentences.insert(text);
            }
        }
    }
    sentences
}

#[test]
fn every_sentence_has_its_chinese_and_no_other_has() {
    let said = sentences();
    assert!(said.len() > 400, "only {} sentences", said.len());
    let known: BTreeSet<_> = TEXTS.keys().cloned().collect();
    let untranslated: Vec<_> = said.difference(&known).collect();
    assert!(
        untranslated.is_empty(),
        "without Chinese: {untranslated:#?}"
    );
    let unused: Vec<_> = known.difference(&said).collect();
    assert!(unused.is_empty(), "said nowhere: {unused:#?}");
}

#[test]
fn the_chinese_of_a_sentence_has_its_places() {
    for (english, chinese) in TEXTS.iter() {
        let chinese = Chinese::read(chinese);
        let mut expected = Pattern::new(english, &chinese).names();
        let mut names: Vec<_> = chinese.places().map(|place| place.name).collect();
        expected.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, expected, "{english}");
    }
}

#[test]
fn the_sentences_are_sorted() {
    let text = include_str!("../../../texts/zh_sentences.json");
    let sorted = serde_json::to_string_pretty(&*TEXTS).unwrap();
    assert!(text.trim_end() == sorted, "expected:\n{sorted}");
}

#[test]
fn a_text_is_told_by_its_sentence_with_its_values() {
    for (english, expected) in [
        ("it is pinned to sha256:1f", "已固定到 sha256:1f"),
        (
            "stop the old shop-web-1, shop-web-2 and shop-web-3, waiting at most 10 s",
            "停止旧的 shop-web-1、shop-web-2 和 shop-web-3，停止宽限期：10 秒",
        ),
        (
            "2. stop the old shop-web-1, waiting as long as it takes",
            "2. 停止旧的 shop-web-1，停止宽限期：不限时间",
        ),
        (
            "web can not be replaced: shop-web-1 is paused; unpause it first",
            "无法替换 web：shop-web-1 已暂停；请先恢复运行",
        ),
        (
            "rule 2 keeps what was pushed within 30 days",
            "规则 2 保留最近 30 天内推送的标签",
        ),
        (
            "wait until db is healthy, which web depends on",
            "等待 web 所依赖的 db 变为健康",
        ),
        // What other programs say stays.
        (
            "the new shop-web-1 can not be started: driver failed: no such device",
            "无法启动新的 shop-web-1：driver failed: no such device",
        ),
        (
            "the new web-1 is unhealthy: its last health check ended with exit code 1: it is deployed",
            "新的 web-1 不健康：最后一次健康检查的退出码为 1：it is deployed",
        ),
        // Several sentences in one text.
        (
            "web: it runs this digest already; db: the tag has moved on since",
            "web: 已在运行此摘要；db: 标签此后又已移动",
        ),
        (
            "the new web-1 ended with exit code 3; could not be taken back: no such container",
            "新的 web-1 已退出，退出码 3；无法撤销：no such container",
        ),
        (
            "prod / shop: it is pinned to sha256:1f",
            "prod / shop: 已固定到 sha256:1f",
        ),
    ] {
        assert_eq!(chinese(english).as_deref(), Some(expected), "{english}");
    }
}

#[test]
fn what_is_no_sentence_stays_as_it_is() {
    for text in [
        "",
        "Pulling from shop/web",
        "Error response from daemon: conflict: unable to remove; force it",
        "it is pinned to two words",
        "it is pinned to ",
        "{} {} {}",
        "：；",
    ] {
        assert_eq!(chinese(text), None, "{text}");
    }
}

/// Reasons, labels and commands are whatever somebody writes.
#[test]
fn values_that_look_like_sentences_stay_what_was_written() {
    for (english, expected) in [
        (
            "shop is held by ann: it is pinned to sha256:1f",
            "shop 已被 ann 冻结：it is pinned to sha256:1f",
        ),
        (
            "shop is held by ann: x; could not be taken back: it is deployed",
            "shop 已被 ann 冻结：x; could not be taken back: it is deployed",
        ),
        (
            "shop is held by ann: {} {reason:text} {",
            "shop 已被 ann 冻结：{} {reason:text} {",
        ),
        (
            "the label berth.deploy.order=x can not be read: it is true or false can not be read: \
             it is auto, stop-first or start-first",
            "无法解析标记 berth.deploy.order=x can not be read: it is true or false：须是 auto、\
             stop-first 或 start-first",
        ),
        (
            "run `echo in the new image of x, before anything is touched` in the new image of web, \
             before anything is touched",
            "在改动任何内容之前，用 web 的新镜像运行 `echo in the new image of x, before anything is touched`",
        ),
        (
            "`a` is no action: actions are` is no action: actions are pull, push",
            "`a` is no action: actions are` 不是操作：可用的操作有 pull, push",
        ),
    ] {
        let told = chinese(english).unwrap_or_default();
        assert_eq!(told, expected, "{english}");
    }
}

#[test]
fn a_text_of_any_form_is_told() {
    for part in [
        ": ",
        "; ",
        "a: ",
        "it is deployed: ",
        "the new a ",
        "asked a for ",
        "1. ",
        "it can not be replaced: ",
        "{",
        "`",
        "的",
    ] {
        for times in [1, 7, 300] {
            let text = part.repeat(times);
            assert!(chinese(&text).is_none_or(|told| !told.is_empty()), "{text}");
        }
    }
}
