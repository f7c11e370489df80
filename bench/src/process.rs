//! The programs that are measured: started with nothing of the user's own, stopped at the end, accounted by the kernel.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

/// A running program with a port.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    _home: TempDir,
}

impl Server {
    /// Starts Forgecast on `root` with a database in `data`, and waits until it is ready.
    pub(crate) fn forgecast(binary: &Path, root: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(binary.canonicalize()?);
        command
            .args(["serve", "--port", "0", "--db"])
            .arg(data.join("bench.db"))
            .arg(root)
            .current_dir(data)
            .env("FORGECAST_VIEWERS_PER_SESSION", "20000")
            .env("FORGECAST_VIEWERS_TOTAL", "20000");
        let server = Self::start(command)?;
        server.wait_ready()?;
        Ok(server)
    }

    /// Starts one of this program's floors.
    pub(crate) fn floor(role: &str, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role).args(arguments);
        Self::start(command)
    }

    /// Starts `command` and reads from its output the first address of the form `127.0.0.1:PORT`.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let home = TempDir::new()?;
        for variable in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "HOME"] {
            command.env(variable, home.path());
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let (sender, receiver) = mpsc::sync_channel(64);
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|o| Box::new(o) as _),
            child.stderr.take().map(|o| Box::new(o) as _),
        ];
        for output in outputs.into_iter().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Once the address is known nobody listens; the pipe is still read so that the program never blocks.
                    let _ = sender.try_send(line);
                }
            });
        }
        drop(sender);
        let mut said = String::new();
        while let Ok(line) = receiver.recv_timeout(Duration::from_secs(120)) {
            if let Some(address) = address_in(&line) {
                return Ok(Self {
                    child,
                    address,
                    _home: home,
                });
            }
            said.push_str(&line);
            said.push('\n');
        }
        let _ = child.kill();
        bail!("the program said no address:\n{said}");
    }

    fn wait_ready(&self) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(120);
        while Instant::now() < until {
            if let Ok((200, _)) = get(self.address, "/readyz") {
                return Ok(());
            }
            pause(Duration::from_millis(5));
        }
        bail!("not ready after two minutes")
    }

    /// Waits until it has taken over so many sessions from its sources: being ready means that they were read.
    pub(crate) fn wait_for_sessions(&self, count: usize) -> Result<()> {
        let until = Instant::now() + Duration::from_secs(120);
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let wanted = count as f64;
        while Instant::now() < until {
            if self.metric("forgecast_sessions")? >= wanted {
                return Ok(());
            }
            pause(Duration::from_millis(5));
        }
        bail!("not {count} sessions after two minutes")
    }

    /// Seconds of processor time so far, user and system.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_name = stat.rsplit_once(") ").context("the form of /proc/pid/stat")?.1;
        let fields: Vec<&str> = after_name.split(' ').collect();
        let ticks: f64 = fields
            .iter()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "a hundred")]
        Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Seconds of processor time of the threads that it has now: exact, where [`Self::cpu_seconds`] counts ticks, but only for
    /// a program whose threads stay.
    pub(crate) fn cpu_seconds_of_threads(&self) -> Result<f64> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()))?;
        let spent = threads.map(|thread| {
            let stat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let first = stat.split(' ').next().unwrap_or_default();
            let nanoseconds: f64 = first.parse().context("the form of schedstat")?;
            Ok(nanoseconds / 1e9)
        });
        spent.sum()
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// Resident memory that is no page of a file, in bytes: what the program allocated, without its own code.
    pub(crate) fn anonymous_bytes(&self) -> Result<f64> {
        self.memory("RssAnon:")
    }

    fn memory(&self, field: &'static str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse::<f64>().ok())
            .with_context(|| format!("{field} in /proc/pid/status"))?;
        Ok(kilobytes * 1024.0)
    }

    /// One value of `/metrics`, summed over its labels; absent counts as 0.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        let (_, body) = get(self.address, "/metrics")?;
        Ok(body
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// Descriptors that it has open.
    pub(crate) fn descriptors(&self) -> Result<u64> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count() as u64)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.child.id().cast_signed()).context("a process id")?;
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = &line[line.find("127.0.0.1:")?..];
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// A GET without keep-alive: the status and the body.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<(u16, String)> {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer
        .get(9..12)
        .and_then(|code| code.parse().ok())
        .context("an HTTP status")?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

/// Lets time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement paces its load; nothing waits here for something to become true"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
