//! Events per second that were acknowledged, which means committed (P9).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::Bench;
use crate::process::Server;
use crate::report::Report;

#[expect(clippy::cast_precision_loss, reason = "counts")]
pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let server = Server::forgecast(&bench.binary, root.path(), data.path())?;
    let address = server.address;
    for (connections, per_request, requests) in [(1, 1, 300), (8, 1, 300), (8, 100, 60)] {
        let requests = bench.rounds(requests, requests / 10);
        let begin = Instant::now();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..connections)
                .map(|worker| scope.spawn(move || post_many(address, worker, per_request, requests)))
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a connection panicked")))
        })?;
        let rate = (connections * per_request * requests) as f64 / begin.elapsed().as_secs_f64();
        report.figure(
            &format!("{connections} connection(s), {per_request} event(s) per request"),
            rate,
            "events/s",
        );
    }
    server.stop()
}

fn post_many(address: SocketAddr, worker: usize, per_request: usize, requests: usize) -> Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    for request in 0..requests {
        let events: Vec<_> = (0..per_request)
            .map(|number| {
                json!({"id": format!("{per_request}-{worker}-{request}-{number}"), "session": format!("pushed-{worker}"),
                    "type": "phase_reported", "phase": "Builder", "status": "building", "detail": format!("step {request}.{number}")})
            })
            .collect();
        let body = serde_json::to_vec(&events)?;
        write!(
            stream,
            "POST /api/v1/events HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        stream.write_all(&body)?;
        let mut status = String::new();
        answers.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            answers.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().context("a content length")?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut answer = vec![0; length];
        answers.read_exact(&mut answer)?;
        ensure!(status.contains(" 200 "), "{status}{}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
