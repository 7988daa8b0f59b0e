use super::*;

/// 2026-01-31T12:34:56Z
const NOW: Timestamp = Timestamp(1_769_862_896_000);

#[test]
fn a_day_ends_with_the_hour_that_is_now() {
    let day = Hours::until(NOW, 1);
    assert_eq!(day.count, 24);
    assert_eq!(day.begin(), "2026-01-30T13:00:00.000Z");
    assert_eq!(
        begin_of(day.first + day.count - 1),
        "2026-01-31T12:00:00.000Z"
    );
}

#[test]
fn bars_stand_in_their_hours_and_are_as_high_as_their_amounts() {
    let day = Hours::until(NOW, 1);
    let amounts = [(day.first, 50), (day.first + 23, 100), (day.first + 3, 0)];
    let plot = Plot::new(day, Scale::Percent, &amounts);
    assert!(!plot.of_bytes());
    let [half, whole, none] = &plot.bars[..] else {
        panic!("{} bars", plot.bars.len());
    };
    let full = AREA.bottom - AREA.top;
    assert_eq!((half.y, half.height), (AREA.top + full / 2.0, full / 2.0));
    assert_eq!((whole.y, whole.height), (AREA.top, full));
    assert_eq!((none.y, none.height), (AREA.bottom, 0.0));
    assert!(half.x >= AREA.left && half.x < AREA.left + half.width);
    assert!(whole.x + whole.width <= AREA.right);
    assert_eq!(whole.begins_at, "2026-01-31T12:00:00.000Z");
}

#[test]
fn hours_beyond_those_that_are_shown_have_no_bar() {
    let day = Hours::until(NOW, 1);
    let amounts = [(day.first - 1, 1), (day.first + 24, 1)];
    assert!(Plot::new(day, Scale::Bytes, &amounts).bars.is_empty());
}

#[test]
fn bytes_have_a_round_amount_at_the_top() {
    for (most, round) in [
        (0, 1000),
        (1000, 1000),
        (1001, 2000),
        (4_200_000, 5_000_000),
        (5_000_001, 10_000_000),
        (u64::MAX, u64::MAX),
    ] {
        assert_eq!(top(Scale::Bytes, most), round, "{most}");
    }
    let day = Hours::until(NOW, 1);
    let plot = Plot::new(day, Scale::Bytes, &[(day.first, 1500)]);
    let rows: Vec<_> = plot.rows.iter().map(|row| row.amount).collect();
    assert_eq!(rows, [0, 1000, 2000]);
}

#[test]
fn a_day_is_labelled_with_hours_and_more_with_days() {
    let labels = |days| {
        let columns = columns(Hours::until(NOW, days)).into_iter();
        columns.map(|column| column.label).collect::<Vec<_>>()
    };
    assert_eq!(
        labels(1),
        ["16:00", "20:00", "00:00", "04:00", "08:00", "12:00"]
    );
    assert_eq!(labels(7)[..2], ["01-25", "01-26"]);
    assert_eq!(labels(7).len(), 7);
    let month = labels(31).len() as i64;
    assert!((LABELS - 1..=LABELS).contains(&month), "{month}");
}
