//! Aligned tables. Every cell is one line.

use super::one_line;

/// The rows as lines, with two spaces between columns. Columns for which `right` is true are aligned to the right. `paint`
/// gets the row, the column and the padded text of each cell.
pub(super) fn aligned<const COLUMNS: usize>(
    rows: &[[String; COLUMNS]],
    right: impl Fn(usize) -> bool,
    paint: impl Fn(usize, usize, &str) -> String,
) -> String {
    let rows: Vec<[String; COLUMNS]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| one_line(cell).into_owned()))
        .collect();
    let widths: Vec<usize> = (0..COLUMNS)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                let padded = if right(column) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:width$}")
                };
                let is_last = column + 1 == COLUMNS;
                paint(index, column, if is_last { padded.trim_end() } else { &padded })
            })
            .collect();
        text.push_str(&cells.join("  "));
        text.push('\n');
    }
    text
}
