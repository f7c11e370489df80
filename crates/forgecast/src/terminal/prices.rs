//! Prices as a table.

use super::usage::grouped;
use super::{Style, table};
use crate::prices::PriceRow;

/// The prices in US dollars per million tokens; a name without a price says so.
pub(crate) fn prices(rows: &[PriceRow], style: Style) -> String {
    let header = [
        "MODEL",
        "INPUT",
        "OUTPUT",
        "CACHE READ",
        "CACHE WRITE",
        "1 HOUR",
        "WINDOW",
        "SINCE",
        "SOURCE",
    ];
    let cells = rows.iter().map(|row| {
        let Some(price) = &row.price else {
            let mut cells: [String; 9] = Default::default();
            (cells[0], cells[1]) = (row.name.clone(), "unpriced".to_owned());
            return cells;
        };
        let unknown = || "-".to_owned();
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
    let text = table::aligned(
        header,
        cells,
        style,
        |column| (1..=6).contains(&column),
        |_, _, cell| cell.to_owned(),
    );
    format!("{text}US dollars per million tokens\n")
}

/// At most six decimals, which is what one token can cost.
fn rate(usd: f64) -> String {
    let text = format!("{usd:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
