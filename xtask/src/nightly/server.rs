//! A Forgecast that runs while something is tried on it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;

/// What a slow machine needs for a first scan or an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How often a condition is looked at again.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until it is so.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("never happened: {what}"));
        }
        std::thread::park_timeout(LOOK);
    }
    Ok(())
}

/// A running server; ends with this value.
pub(super) struct Server {
    child: Child,
    pub(super) url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts `forgecast serve --port 0 …`; the address is the one that it prints.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run forgecast: {error}"))?;
        let output = child.stdout.take();
        let mut server = Server {
            child,
            url: String::new(),
        };
        let mut lines = output
            .map(|output| BufReader::new(output).lines())
            .into_iter()
            .flatten();
        let url = lines.find_map(|line| {
            let line = line.ok()?;
            let at = line.find("http://")?;
            line[at..]
                .split_whitespace()
                .next()
                .map(|url| url.trim_end_matches('/').to_owned())
        });
        server.url = url.ok_or_else(|| "the server did not say where it listens".to_owned())?;
        // Whatever it prints later is read to nowhere, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    pub(super) fn get(&self, path: &str) -> Result<String> {
        self.ask("GET", path, "")
    }

    /// The body of an answer that is a success.
    pub(super) fn ask(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let wrong = |error: std::io::Error| format!("{method} {path}: {error}");
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).map_err(wrong)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .map_err(wrong)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(wrong)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
            Ok(body.to_owned())
        } else {
            Err(format!("{method} {path}: {}", head.lines().next().unwrap_or_default()))
        }
    }

    /// The messages of a topic, from its snapshot on, as long as the server lives.
    pub(super) fn follow(&self, path: &str) -> Result<impl Iterator<Item = Value> + use<>> {
        let wrong = |error: std::io::Error| format!("{path}: {error}");
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).map_err(wrong)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )
        .map_err(wrong)?;
        let lines = BufReader::new(stream).lines().map_while(std::result::Result::ok);
        Ok(lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()))
    }
}
