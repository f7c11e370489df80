//! Prices as a table.

use super::Style;
use super::table::{self, Column, UNKNOWN};
use super::usage::grouped;
use crate::prices::PriceRow;

const COLUMNS: [Column; 9] = [
    Column::new("MODEL").cut_to(16),
    Column::number("INPUT"),
    Column::number("OUTPUT"),
    Column::number("CACHE READ"),
    Column::number("CACHE WRITE"),
    Column::number("1 HOUR").optional(2),
    Column::number("WINDOW").optional(1),
    Column::new("SINCE").optional(3),
    Column::new("SOURCE").cut_to(20).optional(4),
];

/// The prices in US dollars per million tokens; a name without a price says so.
pub(crate) fn prices(rows: &[PriceRow], style: Style) -> String {
    let cells = rows.iter().map(|row| {
        let Some(price) = &row.price else {
            let mut cells: [String; COLUMNS.len()] = Default::default();
            (cells[0], cells[1]) = (row.name.clone(), "unpriced".to_owned());
            return cells;
        };
        let unknown = || UNKNOWN.to_owned();
        [
            row.name.clone(),
            rate(price.input),
            rate(price.output),
            rate(price.cache_read),
            rate(price.cache_write_5m),
            rate(price.cache_write_1h),
            price.context_window.map_or_else(unknown, grouped),
            price.date.clone().unwrap_or_else(unknown),
            match &price.source {
                Some(source) if price.own => format!("your own: {source}"),
                Some(source) => source.clone(),
                None => "your own".to_owned(),
            },
        ]
    });
    let text = table::plain(COLUMNS, cells, style);
    format!("{text}US dollars per million tokens\n")
}

/// At most six decimals, which is what one token can cost.
fn rate(usd: f64) -> String {
    let text = format!("{usd:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
