use std::fmt;

/// Rows of text in columns as wide as their widest cell.
pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    pub(crate) fn with_header(header: [&str; COLUMNS]) -> Self {
        let mut table = Self::new();
        table.row(header.map(str::to_owned));
        table
    }

    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.map(|cell| {
            if cell.is_empty() {
                // An empty cell would look as if those behind it belonged one column to the left.
                "-".to_owned()
            } else {
                printable(&cell)
            }
        }));
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                if column + 1 == COLUMNS {
                    writeln!(f, "{cell}")?;
                } else {
                    write!(f, "{cell:width$}  ")?;
                }
            }
        }
        Ok(())
    }
}

/// Text of somebody else without what a terminal would take for an order.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_end_without_blanks() {
        let mut table = Table::with_header(["NAME", "SIZE", "BY"]);
        table.row(["v1", "12.0 MiB", "ann"].map(str::to_owned));
        table.row(["größer", "1 B", ""].map(str::to_owned));
        let expected = "\
NAME    SIZE      BY
v1      12.0 MiB  ann
größer  1 B       -
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn a_cell_gives_the_terminal_no_orders() {
        let mut table = Table::new();
        table.row(["a\u{1b}[2J\nb".to_owned(), "c\u{9b}d".to_owned()]);
        assert_eq!(table.to_string(), "a\\u{1b}[2J\\nb  c\\u{9b}d\n");
    }
}
