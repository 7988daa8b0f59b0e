//! What an entry of the log knows beside its subject, for people.

use std::borrow::Cow;
use std::mem;

use berth_oci::Digest;
use berth_registry::retention::PolicyText;
use serde::Deserialize;

use super::super::filters::size_text;
use super::super::language::Language;
use super::super::told::Told;
use crate::api::audit::AuditEntry;

/// Some text, or a digest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) digest: bool,
}

pub(super) struct Detail {
    pub(super) lines: Vec<Told>,
    /// As it was kept, where the lines say it in other words.
    pub(super) raw: Option<String>,
}

/// A grant as it is kept.
#[derive(Deserialize)]
struct Grant {
    repositories: String,
    actions: Vec<String>,
}

/// A text with its digests apart, which are told by their beginnings.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut before = String::new();
    for word in text.split_inclusive([' ', '@']) {
        let bare = word.trim_end_matches([' ', '@']);
        if bare.parse::<Digest>().is_err() {
            before.push_str(word);
            continue;
        }
        pieces.extend(Piece::words(mem::take(&mut before)));
        pieces.push(Piece {
            text: bare.to_owned(),
            digest: true,
        });
        before.push_str(&word[bare.len()..]);
    }
    pieces.extend(Piece::words(before));
    pieces
}

impl Piece {
    fn words(text: String) -> Option<Self> {
        let digest = false;
        (!text.is_empty()).then_some(Self { text, digest })
    }
}

/// What it was done to. What has only a number is told with what it is.
pub(super) fn subject<'s>(language: Language, action: &str, subject: &'s str) -> Cow<'s, str> {
    match action {
        "immutable_rule.create" | "immutable_rule.delete" => {
            language.fill("rule {}", subject).into()
        }
        "retention.start" | "retention.end" => language.fill("run {}", subject).into(),
        _ => subject.into(),
    }
}

impl Detail {
    pub(super) fn of(language: Language, entry: &AuditEntry) -> Option<Self> {
        let detail = entry.detail.as_deref()?;
        let said = |lines: Vec<String>| Self {
            lines: lines.iter().map(|line| Told::as_it_is(line)).collect(),
            raw: None,
        };
        Some(match entry.action.as_str() {
            "retention.set" => policy(language, detail),
            "role.set" | "robot.create" | "robot.change" | "token.create" => {
                grants(language, detail)
            }
            "user.create" | "user.change" => said(vec![rights(language, detail)]),
            "quota.change" => said(vec![match bytes(detail.strip_suffix(" bytes")) {
                Some(size) => size,
                None => language.say("no quota").to_owned(),
            }]),
            "project.create" | "project.change" => match detail {
                "public" => said(vec![language.say("public").to_owned()]),
                "private" => said(vec![language.say("private").to_owned()]),
                "proxy" => said(vec![language.say("cache").to_owned()]),
                "group" => said(vec![language.say("group").to_owned()]),
                other => told(language, other),
            },
            "retention.end" => said(vec![end(language, detail)]),
            "manifest.push" => said(vec![tags(language, detail)]),
            "tag.delete" => said(vec![language.fill("was at {}", detail)]),
            "member.set" => said(vec![detail.replace(' ', ", ")]),
            // Names and digests.
            "manifest.delete" | "tag.move" | "deploy.pin" | "deploy.unpin" => {
                said(vec![detail.to_owned()])
            }
            _ => told(language, detail),
        })
    }
}

fn told(language: Language, detail: &str) -> Detail {
    Detail {
        lines: vec![Told::new(language, detail)],
        raw: None,
    }
}

fn bytes(number: Option<&str>) -> Option<String> {
    Some(size_text(number?.parse().ok()?))
}

/// A policy in words. One that was too long for the log is there only as far as it goes.
fn policy(language: Language, detail: &str) -> Detail {
    let policy: Option<PolicyText> = serde_json::from_str(detail).ok();
    let sentences = policy.map_or_else(Vec::new, |policy| policy.in_words());
    Detail {
        lines: sentences
            .iter()
            .map(|sentence| Told::new(language, sentence))
            .collect(),
        raw: Some(detail.to_owned()),
    }
}

/// `pull,push [{"repositories": "shop/**", "actions": ["pull", "push"]}]`, and whether it is disabled.
fn grants(language: Language, detail: &str) -> Detail {
    let (actions, rest) = detail.split_once(' ').unwrap_or((detail, ""));
    let (json, disabled) = match rest.strip_suffix(" disabled") {
        Some(json) => (json, true),
        None => (rest, false),
    };
    let grants: Option<Vec<Grant>> = serde_json::from_str(json).ok();
    let mut lines: Vec<String> = match grants {
        Some(grants) => grants
            .into_iter()
            .map(|grant| format!("{}: {}", grant.repositories, grant.actions.join(", ")))
            .collect(),
        None => vec![actions.replace(',', ", ")],
    };
    if disabled {
        lines.push(language.say("disabled").to_owned());
    }
    Detail {
        lines: lines.iter().map(|line| Told::as_it_is(line)).collect(),
        raw: Some(detail.to_owned()),
    }
}

/// With blanks between them, as they are kept.
fn tags(language: Language, detail: &str) -> String {
    match detail.split_once(' ') {
        Some(_) => language.fill("tags {}", detail.replace(' ', ", ")),
        None => language.fill("tag {}", detail),
    }
}

/// A state of a run, and what it has done, if that is known.
fn end(language: Language, detail: &str) -> String {
    let (state, done) = detail.split_once(": ").unwrap_or((detail, ""));
    let state = match state {
        "done" => language.say("done"),
        "failed" => language.say("failed"),
        "interrupted" => language.say("interrupted"),
        other => other,
    };
    match done {
        "" => state.to_owned(),
        done => format!("{state} · {}", Told::new(language, done).text),
    }
}

/// `admin`, or actions; and whether the user is disabled.
fn rights(language: Language, detail: &str) -> String {
    let words = detail.split(", ").map(|word| match word {
        "admin" => language.say("admin: may do everything"),
        "disabled" => language.say("disabled"),
        actions => actions,
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(action: &str, detail: &str) -> Vec<String> {
        let entry = AuditEntry {
            at: String::new(),
            last_at: String::new(),
            count: 1,
            actor: "ann".to_owned(),
            actor_kind: "user",
            address: None,
            action: action.to_owned(),
            project: None,
            subject: None,
            outcome: "done",
            detail: Some(detail.to_owned()),
        };
        let detail = Detail::of(Language::Chinese, &entry).unwrap();
        detail.lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_detail_is_told_in_words() {
        let policy = r#"{"rules": [{"repositories": null, "tags": "v*",
            "keep": {"newest_pushed": 5, "newest_pulled": null, "pushed_within_days": null,
                     "pulled_within_days": 7, "always": false}}],
            "untagged_after_days": 3, "every_hours": null}"#;
        let grants = r#"pull,push [{"repositories":"shop/**","actions":["pull","push"]}] disabled"#;
        for (action, detail, expected) in [
            (
                "retention.set",
                policy,
                &[
                    "规则 1，标签 v*：保留最近推送的 5 个；最近 7 天内拉取的标签",
                    "无标签的清单在 3 天后删除",
                    "仅手动运行",
                ][..],
            ),
            ("retention.set", "{\"rules\": […", &[]),
            ("robot.change", grants, &["shop/**: pull, push", "已禁用"]),
            ("role.set", "pull,push [{\"reposi…", &["pull, push"]),
            (
                "user.change",
                "admin, disabled",
                &["管理员：拥有全部权限, 已禁用"],
            ),
            ("quota.change", "50000000000 bytes", &["50.0\u{a0}GB"]),
            ("quota.change", "none", &["无配额限制"]),
            ("project.create", "by a first push", &["由首次推送创建"]),
            ("project.change", "public", &["公开"]),
            ("deploy.approve", "deployment 7", &["部署 7"]),
            ("project.create", "proxy", &["缓存"]),
            ("retention.end", "failed", &["失败"]),
            (
                "retention.end",
                "done: removed tags: 1, removed manifests: 0, kept tags: 5",
                &["完成 · 删除标签 1 个，删除清单 0 个，保留标签 5 个"],
            ),
            // A tag of that name.
            ("manifest.push", "token", &["标签 token"]),
            ("manifest.push", "2.1.0 latest", &["标签 2.1.0, latest"]),
            ("tag.delete", "sha256:1f", &["原指向 sha256:1f"]),
            (
                "member.set",
                "reader release-manager",
                &["reader, release-manager"],
            ),
            ("sign_in", "token", &["令牌"]),
        ] {
            assert_eq!(lines(action, detail), expected, "{action} {detail}");
        }
    }

    #[test]
    fn a_number_is_told_with_what_it_is() {
        for (action, subject_text, expected) in [
            ("immutable_rule.create", "1", "rule 1"),
            ("immutable_rule.delete", "2", "rule 2"),
            ("retention.start", "3", "run 3"),
            ("retention.end", "3", "run 3"),
            ("retention.set", "shop", "shop"),
            ("tag.delete", "shop/web:1", "shop/web:1"),
        ] {
            let told = subject(Language::English, action, subject_text);
            assert_eq!(told, expected, "{action}");
        }
    }

    #[test]
    fn digests_stand_apart() {
        let digest = format!("sha256:{}", "1f".repeat(32));
        let texts = |text: &str| -> Vec<(String, bool)> {
            let pieces = pieces(text).into_iter();
            pieces.map(|piece| (piece.text, piece.digest)).collect()
        };
        let apart = |text: &str| (text.to_owned(), false);
        assert_eq!(
            texts(&format!("shop/web@{digest}")),
            [apart("shop/web@"), (digest.clone(), true)]
        );
        assert_eq!(
            texts(&format!("web {digest} and more")),
            [apart("web "), (digest.clone(), true), apart(" and more")]
        );
        assert_eq!(texts("shop/web:live"), [apart("shop/web:live")]);
        assert_eq!(texts("sha256:no a@b"), [apart("sha256:no a@b")]);
        assert!(texts("").is_empty());
    }
}
