//! Events per second that were acknowledged, which means committed (P9).

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use tempfile::TempDir;

use crate::Bench;
use crate::http::Connection;
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
    let mut connection = Connection::open(address)?;
    for request in 0..requests {
        let events: Vec<_> = (0..per_request)
            .map(|number| {
                json!({"id": format!("{per_request}-{worker}-{request}-{number}"), "session": format!("pushed-{worker}"),
                    "type": "phase_reported", "phase": "Builder", "status": "building", "detail": format!("step {request}.{number}")})
            })
            .collect();
        connection.post("/api/v1/events", &serde_json::to_vec(&events)?)?;
    }
    Ok(())
}
