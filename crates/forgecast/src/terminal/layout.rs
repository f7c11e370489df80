//! How much room text takes on a terminal, and how it is made to fit: cut off, or wrapped at words.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::plain::is_mark;

/// The width of a line in columns of the terminal; colors take none.
pub(super) fn width(line: &str) -> usize {
    let marks = line.chars().filter(|letter| is_mark(*letter));
    let of_marks: usize = marks.filter_map(UnicodeWidthChar::width).sum();
    line.width() - of_marks
}

/// The text in at most this many columns; what does not fit is replaced by `…`. Not for text with colors.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > columns {
            break;
        }
        cut.push(letter);
    }
    cut.truncate(cut.trim_end().len());
    cut + "…"
}

/// The text with spaces on its right, or on its left, so that it takes this many columns.
pub(super) fn padded(text: &str, columns: usize, on_the_right: bool) -> String {
    let spaces = " ".repeat(columns.saturating_sub(width(text)));
    if on_the_right {
        format!("{spaces}{text}")
    } else {
        format!("{text}{spaces}")
    }
}

/// The text as lines of at most this many columns, broken at spaces. A longer word has a line of its own and is never
/// broken, so that an address can be copied, and a mark stays with the word behind it.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    let mut words = text.split(' ');
    let mut is_first = true;
    while let Some(word) = words.next() {
        let mut part = word.to_owned();
        if is_mark_before_a_word(word)
            && let Some(word) = words.next()
        {
            part = part + " " + word;
        }
        let wide = width(&part);
        match lines.last_mut() {
            Some(line) if is_first || used + 1 + wide <= columns => {
                if !is_first {
                    line.push(' ');
                    used += 1;
                }
                line.push_str(&part);
                used += wide;
            }
            _ => {
                lines.push(part);
                used = wide;
            }
        }
        is_first = false;
    }
    lines
}

/// Whether it is a sign such as that of a phase.
fn is_mark_before_a_word(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|letter| !letter.is_alphanumeric()) && letters.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::super::plain::{Color, END};
    use super::*;

    #[test]
    fn wide_letters_take_two_columns_and_colors_none() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("日本"), 4);
        assert_eq!(width(&format!("{}abc{END}", Color::Bold.mark())), 3);
        assert_eq!(padded("日本", 6, false), "日本  ");
        assert_eq!(padded("7", 3, true), "  7");
    }

    #[test]
    fn what_is_cut_ends_with_an_ellipsis_and_fits() {
        assert_eq!(cut("weather-app", 11), "weather-app");
        assert_eq!(cut("weather-app", 10), "weather-a…");
        assert_eq!(cut("Mend the shop", 6), "Mend…", "without the space at the end");
        assert_eq!(cut("日本語", 4), "日…", "half a letter does not fit");
    }

    #[test]
    fn lines_are_broken_at_spaces_and_words_are_not() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrapped("see https://builds.example/x now", 8),
            ["see", "https://builds.example/x", "now"]
        );
        assert_eq!(wrapped("a  b", 80), ["a  b"], "alignment within a line stays");
        assert_eq!(
            wrapped("✔ Scout  · Test", 12),
            ["✔ Scout ", "· Test"],
            "a mark stays with its word"
        );
        assert_eq!(wrapped("", 5), [""]);
    }
}
