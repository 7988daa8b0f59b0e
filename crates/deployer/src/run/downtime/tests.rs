use std::collections::BTreeMap;

use berth_registry::Timestamp;

use super::of;
use crate::db::steps::Journalled;
use crate::engine::{Gap, Phase, Step};
use crate::history::StepState;

fn step(gap: Option<Gap>, started: i64, finished: i64) -> Journalled {
    Journalled {
        number: 1,
        step: Step {
            phase: Phase::Replace,
            service: Some("web".to_owned()),
            line: String::new(),
            gap,
            action: serde_json::Value::Null,
        },
        state: StepState::Done,
        detail: None,
        started_at: Some(Timestamp(started)),
        finished_at: Some(Timestamp(finished)),
        undoing_at: None,
        undone_at: None,
    }
}

fn web(milliseconds: i64) -> BTreeMap<String, i64> {
    BTreeMap::from([("web".to_owned(), milliseconds)])
}

#[test]
fn a_service_is_away_from_the_beginning_of_its_stop_to_the_end_of_its_start() {
    let steps = [
        step(None, 0, 100),
        step(Some(Gap::Opens), 100, 300),
        step(None, 300, 310),
        step(Some(Gap::Closes), 310, 450),
    ];
    assert_eq!(of(&steps), web(350));
}

#[test]
fn a_service_that_was_never_away_has_no_downtime() {
    assert_eq!(of(&[step(None, 0, 100)]), web(0));
}

#[test]
fn a_service_that_never_came_is_away_until_its_stop_was_taken_back() {
    let mut opens = step(Some(Gap::Opens), 100, 300);
    opens.undone_at = Some(Timestamp(900));
    let mut closes = step(Some(Gap::Closes), 310, 700);
    closes.detail = Some("it has ended".to_owned());
    closes.undoing_at = Some(Timestamp(701));
    assert_eq!(of(&[opens, closes]), web(800));
}

#[test]
fn a_service_that_served_before_it_was_taken_back_is_away_twice() {
    let mut opens = step(Some(Gap::Opens), 100, 300);
    opens.undone_at = Some(Timestamp(1100));
    let mut closes = step(Some(Gap::Closes), 310, 400);
    closes.undoing_at = Some(Timestamp(1000));
    assert_eq!(of(&[opens, closes]), web(300 + 100));
}
