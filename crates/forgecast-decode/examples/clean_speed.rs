//! How fast text is cleaned and masked on this machine: `cargo run --release -p forgecast-decode --example clean_speed`.
//! Prints MB/s; judges nothing.

#![expect(clippy::print_stdout, reason = "a report for whoever runs it")]

use std::hint::black_box;
use std::time::Instant;

use forgecast_decode::clean::Cleaner;
use forgecast_decode::mask::Rules;

/// Lines as builds log them.
const PLAIN: &str =
    "2026-01-31T08:15:00.123Z  INFO forgecast::hub: session weather-app~1 moved to revision 42 after 3 ms (17 viewers)";
const COLORED: &str = "\u{1b}[32m✓\u{1b}[0m tests/test_parser.py::test_nested_objects \u{1b}[32mPASSED\u{1b}[0m [ 42%]";
const NAMES: &str = "token usage: 12345 of 200000, see https://example.com/docs/tokens for the password policy";

fn measure(name: &str, line: &str, work: impl Fn(&str)) {
    let rounds = 20_000_000 / line.len();
    let begin = Instant::now();
    for _ in 0..rounds {
        work(black_box(line));
    }
    let seconds = begin.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let megabytes = (rounds * line.len()) as f64 / 1e6;
    println!("{name:<28} {:>8.0} MB/s", megabytes / seconds);
}

fn main() {
    let (rules, cleaner) = (Rules::default(), Cleaner::default());
    for (name, line) in [("plain", PLAIN), ("colored", COLORED), ("with names of secrets", NAMES)] {
        measure(&format!("mask, {name}"), line, |line| {
            black_box(rules.mask(line));
        });
        measure(&format!("log_line, {name}"), line, |line| {
            black_box(cleaner.log_line(line));
        });
    }
    let document = format!("{PLAIN}\n").repeat(10_000);
    measure("text, 1 MB document", &document, |text| {
        black_box(cleaner.text(text));
    });
}
