//! Starts the log on standard error, as text or JSON with one line per event. Standard output is for the output of commands.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{Environment, LogFormat, LogLevel};
use crate::terminal::LogLines;

/// Starts the log, once per process.
pub(crate) fn begin(level: LogLevel, format: LogFormat, environment: &Environment) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Details of libraries are noise for users.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("forgecast", level);
    let colors = std::io::stderr().is_terminal() && environment.variable("NO_COLOR").is_none();
    let is_json = format == LogFormat::Json;
    let layer = fmt::layer().with_writer(move || LogLines {
        to: std::io::stderr(),
        colored: colors && !is_json,
    });
    let layer = if is_json {
        layer.json().flatten_event(true).boxed()
    } else {
        layer.with_ansi(colors).boxed()
    };
    // A second call (there is none) would keep the first subscriber.
    let _ = tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init();
}
