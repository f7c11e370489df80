//! A page in Prometheus' text format.

use std::fmt::{Arguments, Display, Write};

use forgecast_protocol::health::Durations;

/// The text of a page.
#[derive(Debug, Default)]
pub(super) struct Page(pub(super) String);

impl Page {
    /// Adds a number; `kind` is `counter` or `gauge`.
    pub(super) fn number(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.line(format_args!("{name} {value}"));
    }

    /// Adds several numbers under one name, told apart by a label.
    pub(super) fn labeled<V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'static str, V)>,
    ) {
        self.head(name, kind, help);
        for (word, value) in values {
            self.line(format_args!("{name}{{{label}=\"{word}\"}} {value}"));
        }
    }

    /// Adds a histogram of seconds.
    pub(super) fn histogram(&mut self, name: &str, help: &str, durations: &Durations) {
        self.head(name, "histogram", help);
        for (bound, count) in durations.at_most() {
            self.line(format_args!("{name}_bucket{{le=\"{}\"}} {count}", bound.as_secs_f64()));
        }
        let count = durations.count();
        self.line(format_args!("{name}_bucket{{le=\"+Inf\"}} {count}"));
        self.line(format_args!(
            "{name}_sum {}\n{name}_count {count}",
            durations.total().as_secs_f64()
        ));
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}
