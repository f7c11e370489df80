//! Processor time per delivery when one change goes to many viewers (P4), and memory per viewer that only listens (P5):
//! Forgecast, `send(2)` in a loop and nchan take turns.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::Bench;
use crate::process::{Server, pause};
use crate::project::Project;
use crate::report::Report;
use crate::viewer::Viewer;

const VIEWERS: usize = 200;
/// Viewers that are not measured for their memory: the first ones also pay for what is allocated once.
const WARM_UP: usize = 50;
const CHANGES: usize = 200;
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// A program that delivers, what makes it deliver once, and how much its viewers received.
struct Contestant {
    name: &'static str,
    server: Server,
    publish: Box<dyn FnMut(usize) -> Result<()>>,
    received: Arc<AtomicUsize>,
    /// What `received` grows by when one message reached every viewer.
    step: usize,
    cpu_seconds: f64,
}

impl Contestant {
    fn turn(&mut self, turn: usize) -> Result<()> {
        let begin = self.server.cpu_seconds()?;
        for change in 0..CHANGES {
            let goal = self.received.load(Ordering::Relaxed) + self.step;
            (self.publish)(turn * CHANGES + change)?;
            let until = Instant::now() + Duration::from_secs(10);
            while self.received.load(Ordering::Relaxed) < goal {
                if Instant::now() > until {
                    bail!("{}: not every viewer was reached within ten seconds", self.name);
                }
                pause(Duration::from_micros(200));
            }
        }
        self.cpu_seconds += self.server.cpu_seconds()? - begin;
        Ok(())
    }
}

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Result<()> {
    let (root, data) = (TempDir::new()?, TempDir::new()?);
    let mut contestants = vec![forgecast(bench, report, root.path(), data.path())?, floor()?];
    if Path::new(NCHAN).exists() {
        contestants.push(nchan(data.path())?);
    } else {
        report.skipped("nchan", "apt-get install nginx-light libnginx-mod-nchan");
    }
    // In turns, so that all see the same machine.
    let turns = bench.rounds(5, 1);
    for turn in 0..turns {
        for contestant in &mut contestants {
            contestant.turn(turn)?;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred thousand")]
    let deliveries = (turns * CHANGES * VIEWERS) as f64;
    let micros: Vec<(&str, f64)> = contestants
        .iter()
        .map(|entry| (entry.name, entry.cpu_seconds / deliveries * 1e6))
        .collect();
    for (peer, value) in &micros[1..] {
        let what = format!("CPU per delivery to {VIEWERS} viewers, the change itself included");
        report.beside(&what, micros[0].1, "µs", peer, *value);
    }
    Ok(())
}

fn forgecast(bench: &Bench, report: &mut Report, root: &Path, data: &Path) -> Result<Contestant> {
    let project = Project::create(root, 1)?;
    let server = Server::forgecast(&bench.binary, root, data)?;
    let topic = format!("session/{}", project.name());
    let received = Arc::new(AtomicUsize::new(0));
    let mut before = 0.0;
    for number in 0..VIEWERS {
        if number == WARM_UP {
            pause(Duration::from_millis(300));
            before = server.anonymous_bytes()?;
        }
        let mut viewer = Viewer::follow(server.address, std::slice::from_ref(&topic))?;
        let received = Arc::clone(&received);
        std::thread::spawn(move || {
            while viewer.next_data().is_ok() {
                received.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    pause(Duration::from_millis(300));
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let per_viewer = (server.anonymous_bytes()? - before) / (VIEWERS - WARM_UP) as f64;
    report.figure("memory per idle viewer", per_viewer / 1024.0, "KiB");
    let publish = move |change| {
        // Longer than the debounce apart they would be one read each anyway; closer together some are one change.
        pause(Duration::from_millis(105));
        project.write(&format!("change {change} {}", "x".repeat(40)))
    };
    Ok(Contestant {
        name: "forgecast",
        server,
        publish: Box::new(publish),
        received,
        step: VIEWERS,
        cpu_seconds: 0.0,
    })
}

fn floor() -> Result<Contestant> {
    let server = Server::floor("floor-send", &[])?;
    let mut producer = TcpStream::connect(server.address)?;
    pause(Duration::from_millis(50));
    let received = Arc::new(AtomicUsize::new(0));
    for _ in 0..VIEWERS {
        count_bytes(TcpStream::connect(server.address)?, &received);
    }
    pause(Duration::from_millis(300));
    let publish = move |_| Ok(producer.write_all(&[b'x'; 300])?);
    Ok(Contestant {
        name: "send(2)",
        server,
        publish: Box::new(publish),
        received,
        step: VIEWERS * 300,
        cpu_seconds: 0.0,
    })
}

fn nchan(data: &Path) -> Result<Contestant> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    let configuration = format!(
        "load_module {NCHAN};\ndaemon off;\nmaster_process off;\npid {pid};\nerror_log stderr error;\n\
         events {{ worker_connections 2000; }}\n\
         http {{ access_log off; server {{ listen {address};\n\
         location /publish {{ nchan_publisher; nchan_channel_id bench; }}\n\
         location /live {{ nchan_subscriber websocket; nchan_channel_id bench; }} }} }}\n",
        pid = data.join("nginx.pid").display(),
    );
    let file = data.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo $0; exec nginx -c \"$1\"", &address.to_string()])
        .arg(&file);
    let server = Server::start(command)?;
    let until = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_err() {
        if Instant::now() > until {
            bail!("nginx does not listen");
        }
        pause(Duration::from_millis(20));
    }
    let received = Arc::new(AtomicUsize::new(0));
    for _ in 0..VIEWERS {
        let mut viewer = Viewer::connect(address, "/live")?;
        let received = Arc::clone(&received);
        std::thread::spawn(move || {
            while viewer.next().is_ok() {
                received.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let mut producer = TcpStream::connect(address)?;
    let publish = move |_| {
        let body = "x".repeat(300);
        write!(
            producer,
            "POST /publish HTTP/1.1\r\nHost: {address}\r\nContent-Length: 300\r\n\r\n{body}"
        )?;
        let mut answer = [0; 4096];
        producer.read(&mut answer).context("nchan's answer")?;
        Ok(())
    };
    Ok(Contestant {
        name: "nchan",
        server,
        publish: Box::new(publish),
        received,
        step: VIEWERS,
        cpu_seconds: 0.0,
    })
}

fn count_bytes(mut socket: TcpStream, received: &Arc<AtomicUsize>) {
    let received = Arc::clone(received);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = socket.read(&mut buffer) {
            received.fetch_add(count, Ordering::Relaxed);
        }
    });
}
