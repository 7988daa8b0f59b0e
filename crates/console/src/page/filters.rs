//! How values are written for people.

#![expect(unreachable_pub, reason = "of the functions that filter_fn makes")]

use askama::Values;

#[askama::filter_fn]
pub(super) fn bytes(size: &u64, _: &dyn Values) -> askama::Result<String> {
    Ok(size_text(*size))
}

/// Sizes of images are told as registries and docker tell them: in powers of 1000. The number stays
/// with its unit.
pub(super) fn size_text(size: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if size < 1000 {
        return format!("{size}\u{a0}B");
    }
    let mut number = size as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while number >= 999.5
        && let Some(larger) = units.next()
    {
        number /= 1000.0;
        unit = Some(larger);
    }
    let unit = unit.copied().unwrap_or_default();
    let digits = usize::from(number < 99.95);
    format!("{number:.digits$}\u{a0}{unit}")
}

/// A digest as far as people compare it.
#[askama::filter_fn]
pub(super) fn short(digest: &str, _: &dyn Values) -> askama::Result<String> {
    let (_, hex) = digest.split_once(':').unwrap_or(("", digest));
    Ok(hex.chars().take(12).collect())
}

/// A time to the second: `2026-01-31 12:00:05 UTC`.
#[askama::filter_fn]
pub(super) fn second(at: &str, _: &dyn Values) -> askama::Result<String> {
    let (date, time) = at.split_once('T').unwrap_or((at, ""));
    let second = time.get(..8).unwrap_or(time);
    Ok(format!("{date} {second} UTC"))
}

/// A time to the minute, for those without scripts: `2026-01-31 12:00 UTC`.
#[askama::filter_fn]
pub(super) fn minute(at: &str, _: &dyn Values) -> askama::Result<String> {
    let (date, time) = at.split_once('T').unwrap_or((at, ""));
    let minute = time.get(..5).unwrap_or(time);
    Ok(format!("{date} {minute} UTC"))
}
