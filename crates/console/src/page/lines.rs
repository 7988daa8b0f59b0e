//! A list in a field of several lines, one entry a line.

pub(super) fn read(text: &str) -> Vec<String> {
    let entries = text.lines().map(str::trim);
    let entries = entries.filter(|entry| !entry.is_empty());
    entries.map(str::to_owned).collect()
}

pub(super) fn text(entries: &[String]) -> String {
    entries.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{read, text};

    #[test]
    fn empty_lines_and_blanks_around_an_entry_are_nothing() {
        // As browsers send it.
        let entries = read("library/**\r\n\r\n  grafana/* \r\n");
        assert_eq!(entries, ["library/**", "grafana/*"]);
        assert_eq!(read(&text(&entries)), entries);
        assert!(read(" \n").is_empty());
    }
}
