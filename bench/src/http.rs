//! HTTP/1.1 as far as a measurement needs it: one connection that is kept, requests that are complete, answers with a length.
//! Never tries again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// A connection that is kept open from one request to the next.
pub(crate) struct Connection {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
    host: SocketAddr,
}

impl Connection {
    /// Connects, without Nagle's delay.
    pub(crate) fn open(host: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        let answers = BufReader::new(stream.try_clone()?);
        Ok(Self { stream, answers, host })
    }

    /// Asks for `path`; milliseconds until the answer was read.
    pub(crate) fn get(&mut self, path: &str) -> Result<f64> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.exchange(head.into_bytes())
    }

    /// Posts JSON to `path`; milliseconds until the answer was read.
    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> Result<f64> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.exchange(request)
    }

    fn exchange(&mut self, request: Vec<u8>) -> Result<f64> {
        let begin = Instant::now();
        self.stream.write_all(&request)?;
        let mut status = String::new();
        self.answers.read_line(&mut status)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            ensure!(self.answers.read_line(&mut line)? > 0, "the answer was cut: {status}");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().context("a content length")?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.answers.read_exact(&mut answer)?;
        let milliseconds = begin.elapsed().as_secs_f64() * 1_000.0;
        ensure!(status.contains(" 20"), "{status}{}", String::from_utf8_lossy(&answer));
        Ok(milliseconds)
    }
}
