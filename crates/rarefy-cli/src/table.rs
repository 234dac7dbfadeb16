//! Plain text tables: the first column to the left, figures to the right.

use std::fmt;

/// Rows of cells under a heading.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    left: usize,
}

impl Table {
    /// A table with this heading; the first `left` columns hold words, the others figures.
    pub(crate) fn new<const N: usize>(left: usize, heading: [&str; N]) -> Self {
        Self::of_row(left, heading.map(str::to_owned).to_vec())
    }

    /// The same for a heading whose length is known only now.
    pub(crate) fn of_row(left: usize, heading: Vec<String>) -> Self {
        Self { rows: vec![heading], left }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (number, row) in self.rows.iter().enumerate() {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = widths[column];
                if column < self.left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_figures_right() {
        let mut table = Table::new(1, ["class", "shapes"]);
        table.row(vec!["chair".into(), "7".into()]);
        assert_eq!(table.to_string(), "class  shapes\nchair       7");
    }
}
