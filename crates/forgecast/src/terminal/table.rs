//! Aligned tables. Every cell is one line.

use super::{Style, one_line};

/// The rows as lines below a header, with two spaces between columns. Columns for which `right` is true are aligned to the
/// right. `paint` gets the row, the column and the padded text of each cell.
pub(super) fn aligned<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
    style: Style,
    right: impl Fn(usize) -> bool,
    paint: impl Fn(usize, usize, &str) -> String,
) -> String {
    let mut lines = vec![header.map(str::to_owned)];
    lines.extend(rows.into_iter().map(|row| row.map(|cell| one_line(&cell).into_owned())));
    let width = |column: usize| lines.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let mut text = String::new();
    for (index, row) in lines.iter().enumerate() {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let padded = if right(column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:width$}")
            };
            let is_last = column + 1 == COLUMNS;
            let padded = if is_last { padded.trim_end() } else { &padded };
            match index.checked_sub(1) {
                None => style.dim(padded),
                Some(row) => paint(row, column, padded),
            }
        });
        text.push_str(&cells.collect::<Vec<_>>().join("  "));
        text.push('\n');
    }
    text
}
