//! Aligned tables that fit the terminal. Every cell is one line. Where the terminal is too narrow, columns are left out and
//! long cells are cut off; on a wide one, and where there is no terminal, everything is shown.

use super::layout::{cut, padded, width};
use super::{Style, one_line};

/// Columns between two columns of the table.
const GAP: usize = 2;
/// What stands in a cell of which nothing is known.
pub(super) const UNKNOWN: &str = "-";

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    name: &'static str,
    on_the_right: bool,
    /// To how many columns of the terminal its cells may be cut.
    least: Option<usize>,
    /// Of the columns with a rank, the highest is left out first.
    rank: u8,
}

impl Column {
    /// A column that is always shown as a whole, aligned to the left.
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            on_the_right: false,
            least: None,
            rank: 0,
        }
    }

    /// A column of numbers, aligned to the right.
    pub(super) const fn number(name: &'static str) -> Self {
        Self {
            on_the_right: true,
            ..Self::new(name)
        }
    }

    /// Its cells may be cut to this many columns of the terminal.
    pub(super) const fn cut_to(self, least: usize) -> Self {
        Self {
            least: Some(least),
            ..self
        }
    }

    /// It may be left out, and is when nothing is known of any row. The highest rank goes first.
    pub(super) const fn optional(self, rank: u8) -> Self {
        Self { rank, ..self }
    }
}

/// The cells of a table and how wide they are.
pub(super) struct Table<const COLUMNS: usize> {
    columns: [Column; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
    /// The width of each column with nothing cut; none for a column that is left out.
    widths: [Option<usize>; COLUMNS],
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(columns: [Column; COLUMNS], rows: impl IntoIterator<Item = [String; COLUMNS]>) -> Self {
        let rows: Vec<[String; COLUMNS]> = rows
            .into_iter()
            .map(|row| row.map(|cell| one_line(&cell).into_owned()))
            .collect();
        let widths = std::array::from_fn(|column| {
            let is_known = |row: &[String; COLUMNS]| !matches!(row[column].as_str(), "" | UNKNOWN);
            let is_shown = columns[column].rank == 0 || rows.iter().any(is_known);
            let cells = rows.iter().map(|row| width(&row[column]));
            is_shown.then(|| cells.chain([width(columns[column].name)]).max().unwrap_or(0))
        });
        Self { columns, rows, widths }
    }

    /// Whether everything fits.
    pub(super) fn fits(&self, style: Style) -> bool {
        total(&self.widths) <= style.columns()
    }

    /// The rows as lines below a header. `paint` gets the row, the column and the text of each cell.
    pub(super) fn text(&self, style: Style, paint: impl Fn(usize, usize, &str) -> String) -> String {
        let widths = self.fitted(style.columns());
        let last = widths.iter().rposition(Option::is_some);
        let line = |cells: [&str; COLUMNS], paint: &dyn Fn(usize, &str) -> String| {
            let shown = widths
                .iter()
                .enumerate()
                .filter_map(|(column, width)| Some((column, (*width)?)));
            let cells = shown.map(|(column, width)| {
                let cell = padded(&cut(cells[column], width), width, self.columns[column].on_the_right);
                paint(column, if Some(column) == last { cell.trim_end() } else { &cell })
            });
            cells.collect::<Vec<_>>().join(&" ".repeat(GAP)) + "\n"
        };
        let mut text = line(self.columns.map(|column| column.name), &|_, cell| style.dim(cell));
        for (row, cells) in self.rows.iter().enumerate() {
            text += &line(cells.each_ref().map(String::as_str), &|column, cell| {
                paint(row, column, cell)
            });
        }
        text
    }

    /// The width of each column so that they fit together, if that is possible.
    fn fitted(&self, room: usize) -> [Option<usize>; COLUMNS] {
        let least = |column: usize, width: usize| self.columns[column].least.map_or(width, |least| least.min(width));
        let mut widths = self.widths;
        loop {
            let mut narrow = widths;
            for (column, width) in narrow.iter_mut().enumerate() {
                *width = width.map(|width| least(column, width));
            }
            let optional = (0..COLUMNS).filter(|column| widths[*column].is_some() && self.columns[*column].rank > 0);
            match optional.max_by_key(|column| self.columns[*column].rank) {
                Some(column) if total(&narrow) > room => widths[column] = None,
                _ => break,
            }
        }
        while total(&widths) > room {
            let cuttable = (0..COLUMNS).filter(|column| {
                let is_long = |width| least(*column, width) < width;
                self.columns[*column].least.is_some() && widths[*column].is_some_and(is_long)
            });
            let Some(widest) = cuttable.max_by_key(|column| widths[*column]) else {
                break;
            };
            widths[widest] = widths[widest].map(|width| width - 1);
        }
        widths
    }
}

/// A table in which no cell stands out.
pub(super) fn plain<const COLUMNS: usize>(
    columns: [Column; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
    style: Style,
) -> String {
    Table::new(columns, rows).text(style, |_, _, cell| cell.to_owned())
}

fn total(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten();
    shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<4> {
        let columns = [
            Column::new("NAME").cut_to(6),
            Column::number("N").optional(2),
            Column::new("NOTHING").optional(1),
            Column::new("SAID").cut_to(5).optional(3),
        ];
        let row = |cells: [&str; 4]| cells.map(str::to_owned);
        Table::new(
            columns,
            [
                row(["weather-app", "1,000", UNKNOWN, "Edit src/sync.rs"]),
                row(["日本", "7", "", UNKNOWN]),
            ],
        )
    }

    fn at(columns: usize) -> String {
        table().text(Style::plain().of_width(columns), |_, _, cell| cell.to_owned())
    }

    #[test]
    fn with_room_all_is_shown_but_a_column_of_which_nothing_is_known() {
        insta::assert_snapshot!(at(usize::MAX), @r"
        NAME             N  SAID
        weather-app  1,000  Edit src/sync.rs
        日本             7  -
        ");
        assert!(table().fits(Style::plain().of_width(36)) && !table().fits(Style::plain().of_width(35)));
    }

    #[test]
    fn without_room_the_widest_cells_are_cut_before_columns_are_left_out() {
        insta::assert_snapshot!(at(26), @r"
        NAME           N  SAID
        weather-…  1,000  Edit sr…
        日本           7  -
        ");
        insta::assert_snapshot!(at(18), @r"
        NAME             N
        weather-app  1,000
        日本             7
        ");
        insta::assert_snapshot!(at(8), @r"
        NAME
        weather…
        日本
        ");
    }
}
