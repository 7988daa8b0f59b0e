/// How long something took, for people: `350 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn lasting(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if milliseconds < 1000 {
        format!("{milliseconds} ms")
    } else if seconds < 10 {
        format!("{seconds}.{} s", milliseconds % 1000 / 100)
    } else if minutes < 1 {
        format!("{seconds} s")
    } else if hours < 1 {
        format!("{minutes} min {} s", seconds % 60)
    } else if days < 1 {
        format!("{hours} h {} min", minutes % 60)
    } else {
        format!("{days} d {} h", hours % 24)
    }
}

#[cfg(test)]
mod tests {
    use super::lasting;

    #[test]
    fn two_parts_say_how_long_it_took() {
        for (milliseconds, text) in [
            (-5, "0 ms"),
            (350, "350 ms"),
            (4_250, "4.2 s"),
            (42_999, "42 s"),
            (185_000, "3 min 5 s"),
            (7_800_000, "2 h 10 min"),
            (180_000_000, "2 d 2 h"),
        ] {
            assert_eq!(lasting(milliseconds), text);
        }
    }
}
