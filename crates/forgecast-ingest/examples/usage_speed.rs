//! How fast transcripts are read on this machine: `cargo run --release -p forgecast-ingest --example usage_speed -- FOLDER
//! [THREADS]`, where the folder is one of Claude Code (`projects` inside), of Codex (`sessions`) or both. Prints what was
//! found and MB/s; judges nothing.

#![expect(clippy::print_stdout, reason = "a report for whoever runs it")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use forgecast_decode::agents::AGENTS;
use forgecast_ingest::scan::{ScanOptions, Scanned, usage};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let threads = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let roots = AGENTS.iter().map(|agent| (*agent, folder.clone())).collect();
    let tokens = AtomicU64::new(0);
    let begin = Instant::now();
    let options = ScanOptions { threads, titles: false };
    let each = |found| {
        if let Scanned::Call(call) = found {
            tokens.fetch_add(call.report.tokens.total(), Ordering::Relaxed);
        }
    };
    let summary = usage(&roots, options, |_| {}, each);
    let seconds = begin.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let megabytes = summary.bytes as f64 / 1e6;
    println!(
        "{} files, {megabytes:.1} MB, {} accounts ({} tokens before any is left out), {} bad lines, {} problems",
        summary.files,
        summary.calls,
        tokens.into_inner(),
        summary.bad,
        summary.problems.len()
    );
    println!("{threads} threads: {:.0} MB/s in {seconds:.3} s", megabytes / seconds);
}
