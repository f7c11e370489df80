//! The progress of long work, on standard error of a terminal and nowhere else. What is printed or logged meanwhile stands
//! above the bar.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that ends sooner needs no bar.
const DELAY: Duration = Duration::from_millis(400);

/// The bar that is on the terminal; there is one at most.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// What the numbers of a bar count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes, shown in a fitting unit.
    Bytes,
    /// Things that the name of the work says.
    Things,
    /// Nothing that is known beforehand.
    Unknown,
}

impl Unit {
    fn template(self) -> &'static str {
        match self {
            Self::Bytes => "{prefix}  {wide_bar:.dim} {binary_bytes} of {binary_total_bytes}, {eta} left",
            Self::Things => "{prefix}  {wide_bar:.dim} {human_pos} of {human_len}",
            Self::Unknown => "{spinner} {prefix}: {wide_msg}",
        }
    }
}

/// A bar, which disappears when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
}

impl Progress {
    /// A bar for what `work` names (`reading transcripts`), which appears if the work takes longer.
    pub(crate) fn of(work: &'static str, unit: Unit) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_prefix(work);
        Self {
            // Every template is valid, which a test shows.
            bar: match ProgressStyle::with_template(unit.template()) {
                Ok(style) => bar.with_style(style.progress_chars("━╸ ")),
                Err(_) => bar,
            },
            began: Instant::now(),
        }
    }

    /// How far the work is.
    pub(crate) fn at(&self, done: u64, total: u64) {
        self.appear();
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// What is done at the moment.
    pub(crate) fn say(&self, text: &str) {
        self.appear();
        self.bar.set_message(super::one_line(text).into_owned());
        self.bar.tick();
    }

    fn appear(&self) {
        if self.began.elapsed() < DELAY {
            return;
        }
        let mut shown = shown();
        if shown.is_none() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            *shown = Some(self.bar.clone());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        shown().take();
    }
}

/// Does something that writes to the terminal, without the bar.
pub(super) fn aside<T>(write: impl FnOnce() -> T) -> T {
    let shown = shown().clone();
    match shown {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn shown() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_has_a_valid_form() {
        for unit in [Unit::Bytes, Unit::Things, Unit::Unknown] {
            assert!(ProgressStyle::with_template(unit.template()).is_ok(), "{unit:?}");
        }
    }

    #[test]
    fn work_that_is_over_soon_has_no_bar() {
        let progress = Progress::of("reading", Unit::Things);
        progress.at(1, 2);
        assert!(progress.bar.is_hidden());
    }
}
