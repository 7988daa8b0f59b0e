use axum::http::StatusCode;
use berth_registry::sentence;

use crate::api::problem::Problem;

/// Why a form was not taken.
pub(super) enum Refused {
    /// Something else in it can mend that.
    Wrong(Wrong),
    Problem(Problem),
}

/// What is said above a form that was not taken.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) text: String,
    /// Whether these are the words of the API, which are English.
    pub(super) english: bool,
}

impl Wrong {
    pub(super) fn said(text: String) -> Self {
        Self {
            text,
            english: false,
        }
    }
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        match problem.status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Self::Wrong(Wrong {
                text: as_counted(&problem.detail),
                english: true,
            }),
            _ => Self::Problem(problem),
        }
    }
}

/// `rules[0].tags: why` as the form has it, where rules are counted from 1.
fn as_counted(detail: &str) -> String {
    let place = detail.strip_prefix("rules[");
    let place = place.and_then(|rest| rest.split_once("]."));
    let counted = place.and_then(|(index, rest)| {
        let index: u32 = index.parse().ok()?;
        Some(sentence!("rule {}, {rest}", index.saturating_add(1)))
    });
    counted.unwrap_or_else(|| detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_by_its_number() {
        for (detail, counted) in [
            ("rules[0].tags: why", "rule 1, tags: why"),
            (
                "rules[11].keep.newest_pushed: why",
                "rule 12, keep.newest_pushed: why",
            ),
            ("every_hours: why", "every_hours: why"),
            ("rules: too many", "rules: too many"),
        ] {
            assert_eq!(as_counted(detail), counted);
        }
    }
}
