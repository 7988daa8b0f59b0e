use berth_registry::Timestamp;

use super::{InvalidWindow, Windows};

fn at(text: &str) -> Timestamp {
    let time = chrono::DateTime::parse_from_rfc3339(text).expect("a time");
    Timestamp(time.timestamp_millis())
}

fn windows(text: &str) -> Windows {
    text.parse().expect("windows")
}

#[test]
fn a_window_is_open_on_its_days_between_its_times_in_its_zone() {
    let window = windows("Mon-Fri 20:00-23:00 Asia/Shanghai");
    for (time, open) in [
        ("2026-11-27T19:59:59+08:00", false),
        ("2026-11-27T20:00:00+08:00", true),
        ("2026-11-27T22:59:59+08:00", true),
        ("2026-11-27T23:00:00+08:00", false),
        ("2026-11-27T12:30:00Z", true),
        ("2026-11-28T20:30:00+08:00", false),
    ] {
        assert_eq!(window.open_at(at(time)), open, "{time}");
    }
}

#[test]
fn a_window_that_passes_midnight_belongs_to_the_day_on_which_it_opens() {
    let window = windows("Sat 22:00-04:00");
    for (time, open) in [
        ("2026-11-28T21:59:00Z", false),
        ("2026-11-28T23:00:00Z", true),
        ("2026-11-29T03:59:00Z", true),
        ("2026-11-29T04:00:00Z", false),
        ("2026-11-29T23:00:00Z", false),
        ("2026-11-28T03:00:00Z", false),
    ] {
        assert_eq!(window.open_at(at(time)), open, "{time}");
    }
}

#[test]
fn the_next_opening_is_the_first_of_any_window_after_now() {
    let next = |text: &str, now: &str| {
        let next = windows(text).next_after(at(now)).expect("an opening");
        next.to_rfc3339()
    };
    let nights = "Mon-Fri 20:00-23:00 Asia/Shanghai; Sun 02:00-03:00 Europe/Berlin";
    assert_eq!(
        next(nights, "2026-11-27T12:30:00Z"),
        "2026-11-29T02:00:00+01:00"
    );
    assert_eq!(
        next(nights, "2026-11-29T05:00:00Z"),
        "2026-11-30T20:00:00+08:00"
    );
    assert_eq!(
        next("Fri 10:00-11:00", "2026-11-27T10:30:00Z"),
        "2026-12-04T10:00:00+00:00"
    );
}

#[test]
fn an_opening_that_the_clocks_leave_out_is_passed_over() {
    let window = windows("Sun 02:30-03:30 Europe/Berlin");
    let next = window.next_after(at("2026-03-28T12:00:00Z"));
    assert_eq!(
        next.map(|next| next.to_rfc3339()).as_deref(),
        Some("2026-04-05T02:30:00+02:00")
    );
}

#[test]
fn what_is_wrong_with_a_window_is_said() {
    let refused = |text: &str| text.parse::<Windows>().expect_err(text);
    assert_eq!(refused("Mon"), InvalidWindow::Shape);
    assert_eq!(refused("Mon 20:00-23:00 UTC UTC"), InvalidWindow::Shape);
    assert_eq!(
        refused("Mo 20:00-23:00"),
        InvalidWindow::Day("Mo".to_owned())
    );
    assert_eq!(
        refused("Mon 20-23"),
        InvalidWindow::Times("20-23".to_owned())
    );
    assert_eq!(
        refused("Mon 20:00-23:00 Shanghai"),
        InvalidWindow::Zone("Shanghai".to_owned())
    );
    assert_eq!(refused("Mon 20:00-23:00;"), InvalidWindow::Shape);
}

#[test]
fn without_days_a_window_is_one_of_every_day_and_without_a_zone_of_utc() {
    let window = windows("20:00-23:00");
    assert_eq!(window, windows("Mon-Sun 20:00-23:00 UTC"));
    assert_eq!(windows("20:00-23:00 UTC"), window);
}

#[test]
fn windows_are_shown_as_they_are_read() {
    let shown = windows("Fri-Mon,Wed 22:00-24:00").to_string();
    assert_eq!(shown, "Mon,Wed,Fri,Sat,Sun 22:00-00:00 UTC");
    assert_eq!(windows(&shown).to_string(), shown);
}
