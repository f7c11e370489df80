//! A message to a program of this machine: JSON on its standard input.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::dispatch::Outcome;

/// Runs the program with `body` on standard input. It is killed when this is dropped. What it prints is thrown away.
pub(crate) async fn run(argv: &[String], body: &[u8]) -> Outcome {
    let failed = |error: String, uncertain| Outcome::Failed {
        error,
        uncertain,
        pause_ms: None,
    };
    let Some((program, arguments)) = argv.split_first() else {
        return failed("the command is empty".to_owned(), false);
    };
    let child = Command::new(program)
        .args(arguments)
        .env_remove("FORGECAST_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return failed(format!("cannot run {program}: {error}"), false),
    };
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input is no failure; its exit code decides.
        let _ = input.write_all(body).await;
    }
    match child.wait().await {
        Ok(status) if status.success() => Outcome::Delivered,
        Ok(status) => failed(format!("{program} ended with {status}"), false),
        Err(error) => failed(format!("cannot wait for {program}: {error}"), true),
    }
}
