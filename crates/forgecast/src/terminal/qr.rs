//! QR codes of half blocks: one character shows two modules, black on white in any color scheme.

use qrcode::{EcLevel, QrCode};

use super::{Color, Style};

/// The quiet zone around the code, in modules.
const MARGIN: usize = 4;
const INDENT: &str = "  ";

/// The code of a text, indented by two columns; none if the output has no colors or is too narrow.
pub(crate) fn qr(text: &str, style: Style) -> Option<String> {
    if !style.colored {
        return None;
    }
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (width, modules) = (code.width(), code.to_colors());
    let across = width + 2 * MARGIN;
    if across + INDENT.len() > style.columns() {
        return None;
    }
    let is_dark = |row: usize, column: usize| {
        let (row, column) = (row.checked_sub(MARGIN)?, column.checked_sub(MARGIN)?);
        let inside = row < width && column < width;
        inside.then(|| modules.get(row * width + column) == Some(&qrcode::Color::Dark))
    };
    let is_dark = |row, column| is_dark(row, column).unwrap_or(false);
    let lines = (0..across).step_by(2).map(|row| {
        let letters = (0..across).map(|column| match (is_dark(row, column), is_dark(row + 1, column)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        format!(
            "{INDENT}{}\n",
            style.paint(Color::Printed, &letters.collect::<String>())
        )
    });
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;

    const URL: &str = "http://192.168.100.100:8080/#token=fc_v_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const COLORED: Style = Style {
        colored: true,
        columns: Some(82),
    };

    #[test]
    fn it_is_black_on_white_and_fits_a_usual_terminal() {
        let code = qr(URL, COLORED).unwrap();
        let written = plain::rendered(&code, true);
        let lines: Vec<&str> = written.lines().collect();
        assert!(lines.len() <= 24, "{} lines", lines.len());
        for line in &lines {
            assert!(
                line.starts_with("  \u{1b}[38;5;16;48;5;231m") && line.ends_with("\u{1b}[0m"),
                "{line:?}"
            );
        }
        let width = |line: &&str| line.chars().filter(|letter| " ▀▄█".contains(*letter)).count() - 2;
        assert!(lines.iter().all(|line| width(line) == width(&lines[0])));
    }

    #[test]
    fn it_says_what_was_meant() {
        let code = qr(URL, COLORED).unwrap();
        let wanted = QrCode::with_error_correction_level(URL, EcLevel::L).unwrap();
        let width = wanted.width();
        let rows: Vec<Vec<char>> = code
            .lines()
            .map(|line| line.chars().filter(|letter| " ▀▄█".contains(*letter)).skip(2).collect()) // the indent
            .collect();
        let dark = |row: usize, column: usize| match rows[row / 2][column] {
            '█' => true,
            '▀' => row.is_multiple_of(2),
            '▄' => !row.is_multiple_of(2),
            _ => false,
        };
        for row in 0..width {
            for column in 0..width {
                let expected = wanted[(column, row)] == qrcode::Color::Dark;
                assert_eq!(dark(row + MARGIN, column + MARGIN), expected, "{row} {column}");
            }
        }
    }

    #[test]
    fn where_it_could_not_be_read_there_is_none() {
        assert_eq!(qr(URL, COLORED.of_width(32)), None);
        assert_eq!(qr(URL, Style::plain()), None);
    }
}
