use super::language::Language;

/// How long something took, for people: `350 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`. A number stays
/// with its unit.
pub(super) fn lasting(language: Language, milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if milliseconds < 1000 {
        return bound(language.fill("{} ms", milliseconds));
    }
    if seconds < 10 {
        let tenths = milliseconds % 1000 / 100;
        return bound(language.fill("{} s", format_args!("{seconds}.{tenths}")));
    }
    if minutes < 1 {
        return bound(language.fill("{} s", seconds));
    }
    let some = |number: i64| (number > 0).then_some(number);
    let (longer, shorter) = if hours < 1 {
        (
            language.fill("{} min", minutes),
            some(seconds % 60).map(|seconds| language.fill("{} s", seconds)),
        )
    } else if days < 1 {
        (
            language.fill("{} h", hours),
            some(minutes % 60).map(|minutes| language.fill("{} min", minutes)),
        )
    } else {
        (
            language.fill("{} d", days),
            some(hours % 24).map(|hours| language.fill("{} h", hours)),
        )
    };
    match shorter {
        Some(shorter) => format!("{} {}", bound(longer), bound(shorter)),
        None => bound(longer),
    }
}

fn bound(text: String) -> String {
    text.replace(' ', "\u{a0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_say_how_long_it_took() {
        for (milliseconds, english, chinese) in [
            (-5, "0 ms", "0 毫秒"),
            (350, "350 ms", "350 毫秒"),
            (4_250, "4.2 s", "4.2 秒"),
            (42_999, "42 s", "42 秒"),
            (185_000, "3 min 5 s", "3 分钟 5 秒"),
            (7_800_000, "2 h 10 min", "2 小时 10 分钟"),
            (3_600_000, "1 h", "1 小时"),
            (180_000_000, "2 d 2 h", "2 天 2 小时"),
        ] {
            let plain = |language| lasting(language, milliseconds).replace('\u{a0}', " ");
            assert_eq!(plain(Language::English), english);
            assert_eq!(plain(Language::Chinese), chinese);
        }
    }

    #[test]
    fn a_number_stays_with_its_unit() {
        let took = lasting(Language::English, 185_000);
        assert_eq!(took, "3\u{a0}min 5\u{a0}s");
    }
}
