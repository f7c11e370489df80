//! Reads headers whose values are lists.

use axum::http::{HeaderMap, HeaderName};

/// The parts of a header between separators, over all its lines and without the space around them. A line that is not text
/// has no parts.
pub(crate) fn parts<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    separator: char,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let lines = headers.get_all(name).iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts.flat_map(move |text| text.split(separator)).map(str::trim)
}
