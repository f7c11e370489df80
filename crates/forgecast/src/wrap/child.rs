//! The command's process. It runs in a terminal of its own if one of our streams is a terminal; streams that are none stay
//! what they are. A process becomes the leader of a terminal between `fork` and `exec`, which nothing safe can do here, so
//! the binary itself is started in between ([`become_command`]).

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process, kill_process_group, setsid};
use rustix::termios::{isatty, tcgetpgrp};
use tokio::sync::{mpsc, oneshot};

use super::output::{LineWriter, Output};
use super::pty::{Pty, RawMode, copy_size};
use super::relay::{OutputRelay, keys, unbuffered};
use super::{Ended, signals};
use crate::cli::TERMINAL_COMMAND;
use crate::terminal;

/// The exit codes of shells for a command that does not exist, and for one that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Runs the command to its end.
///
/// # Errors
/// The system has no terminal, pipe or thread left. A command that cannot be started ends with an exit code.
pub(super) fn run(command: &[OsString], output: &Arc<Output>) -> Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let signals = {
        let _within = runtime.enter();
        signals::receive().context("cannot receive signals")?
    };
    let terminal = user_terminal();
    let pty = terminal.as_ref().map(|terminal| Pty::like(terminal.as_fd()));
    let pty = pty.transpose().context("cannot open a terminal for the command")?;
    let (mut child, group) = match spawn(command, pty.as_ref()) {
        Ok(started) => started,
        Err(error) => {
            let (code, why) = cannot_start(command, &error);
            terminal::print_error(&why);
            return Ok(Ended {
                code,
                failure: Some(format!("Exit code {code}: {why}")),
            });
        }
    };
    // The command has its end by now.
    let controller = pty.map(|pty| pty.controller);
    let stdin = io::stdin();
    let raw = stdin.is_terminal().then(|| RawMode::enter(stdin.as_fd())).flatten();
    let relays = Relays::start(
        &mut child,
        controller.as_ref(),
        terminal.as_ref(),
        raw.is_some(),
        output,
    )?;
    let running = Running {
        group,
        controller: controller.as_ref().map(AsFd::as_fd),
        terminal: terminal.as_ref().map(AsFd::as_fd),
        raw: raw.as_ref(),
    };
    let status = runtime.block_on(running.wait(child, signals))?;
    relays.stop();
    // The user's terminal is theirs again once the last words have passed: it would change the ends of their lines.
    drop(raw);
    Ok(ended(status))
}

/// Becomes the leader of the terminal that is among the standard streams, then the command. Returns the exit code if that
/// fails.
pub(crate) fn become_command(command: &[OsString]) -> u8 {
    let lead = || -> rustix::io::Result<()> {
        setsid()?;
        let streams = (io::stdin(), io::stdout(), io::stderr());
        let streams = [streams.0.as_fd(), streams.1.as_fd(), streams.2.as_fd()];
        streams
            .into_iter()
            .find(|stream| isatty(stream))
            .map_or(Ok(()), ioctl_tiocsctty)
    };
    // Without it, the command runs all the same, and Ctrl-C does not reach it.
    let _ = lead();
    let error = command_of(command).exec();
    let (code, why) = cannot_start(command, &error);
    terminal::print_error(&why);
    code
}

/// The terminal in front of the user, if there is one among our streams.
fn user_terminal() -> Option<File> {
    if io::stdout().is_terminal() {
        return unbuffered(io::stdout()).ok();
    }
    if io::stderr().is_terminal() {
        return unbuffered(io::stderr()).ok();
    }
    if io::stdin().is_terminal() {
        // What is read from may not be open for writing.
        return OpenOptions::new().read(true).write(true).open("/dev/tty").ok();
    }
    None
}

fn command_of(command: &[OsString]) -> Command {
    let (program, arguments) = command
        .split_first()
        .map_or((Default::default(), command), |(program, rest)| (program.clone(), rest));
    let mut of = Command::new(program);
    of.args(arguments);
    of
}

/// Whom a signal for the command is sent to.
#[derive(Clone, Copy, Debug)]
enum Group {
    /// A process group of its own.
    Own(Pid),
    /// The command alone: it is in our process group, which has the keys of a terminal that no stream is connected to.
    Shared(Pid),
}

/// Starts the command.
fn spawn(command: &[OsString], pty: Option<&Pty>) -> io::Result<(Child, Group)> {
    let Some(pty) = pty else {
        // A command may still ask for a password on the terminal that started us, which only our own group can.
        let has_terminal = File::open("/dev/tty").is_ok();
        let mut start = command_of(command);
        if !has_terminal {
            start.process_group(0);
        }
        let child = start.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pid = Pid::from_child(&child);
        let group = if has_terminal {
            Group::Shared(pid)
        } else {
            Group::Own(pid)
        };
        return Ok((child, group));
    };
    let end = || pty.command_end.try_clone().map(Stdio::from);
    let mut start = Command::new(std::env::current_exe()?);
    start.args([TERMINAL_COMMAND, "--"]).args(command);
    start.stdin(if io::stdin().is_terminal() {
        end()?
    } else {
        Stdio::inherit()
    });
    start.stdout(if io::stdout().is_terminal() {
        end()?
    } else {
        Stdio::piped()
    });
    start.stderr(if io::stderr().is_terminal() {
        end()?
    } else {
        Stdio::piped()
    });
    let child = start.spawn()?;
    let group = Group::Own(Pid::from_child(&child));
    Ok((child, group))
}

/// The exit code for a command that cannot be started, and why in one line.
fn cannot_start(command: &[OsString], error: &io::Error) -> (u8, String) {
    let program = command
        .first()
        .map(|program| program.to_string_lossy())
        .unwrap_or_default();
    match error.kind() {
        ErrorKind::NotFound if program.contains('/') => (NOT_FOUND, format!("{program}: no such file")),
        ErrorKind::NotFound => (NOT_FOUND, format!("{program}: command not found")),
        _ => (NOT_RUNNABLE, format!("{program}: {error}")),
    }
}

fn ended(status: ExitStatus) -> Ended {
    let number = status.signal();
    let code = status.code().unwrap_or_else(|| 128 + number.unwrap_or_default());
    let failure = match number {
        Some(number) => Some(format!("Ended by {}", signals::name(number))),
        None => (code != 0).then(|| format!("Exit code {code}")),
    };
    Ended {
        code: u8::try_from(code).unwrap_or(u8::MAX),
        failure,
    }
}

/// The running command, as far as signals concern it.
struct Running<'t> {
    group: Group,
    controller: Option<BorrowedFd<'t>>,
    terminal: Option<BorrowedFd<'t>>,
    raw: Option<&'t RawMode<'t>>,
}

impl Running<'_> {
    /// Passes signals on until the command ends.
    async fn wait(self, mut child: Child, mut signals: mpsc::Receiver<Signal>) -> Result<ExitStatus> {
        let (sender, mut status) = oneshot::channel();
        let waiter = thread::Builder::new().name("wait".to_owned());
        let waiter = waiter.spawn(move || drop(sender.send(child.wait())));
        waiter.context("cannot start a thread")?;
        loop {
            tokio::select! {
                status = &mut status => return status?.context("cannot wait for the command"),
                Some(signal) = signals.recv() => self.pass_on(signal),
            }
        }
    }

    fn pass_on(&self, signal: Signal) {
        if signal == Signal::WINCH {
            if let (Some(terminal), Some(controller)) = (self.terminal, self.controller) {
                copy_size(terminal, controller);
            }
            return;
        }
        if signal == Signal::CONT {
            self.raw.inspect(|raw| raw.renew());
        }
        // It may have ended by now.
        match self.group {
            Group::Own(group) => {
                let _ = kill_process_group(group, signal);
                // A shell in it gives each of its commands a group of its own.
                let front = self.controller.and_then(|controller| tcgetpgrp(controller).ok());
                if let Some(front) = front.filter(|front| *front != group) {
                    let _ = kill_process_group(front, signal);
                }
            }
            // The keys of the terminal reach the whole group without us.
            Group::Shared(_) if matches!(signal, Signal::INT | Signal::QUIT) => {}
            Group::Shared(command) => _ = kill_process(command, signal),
        }
    }
}

/// The threads that pass bytes on.
struct Relays {
    outputs: Vec<JoinHandle<()>>,
    stop: PipeWriter,
}

impl Relays {
    fn start(
        child: &mut Child,
        controller: Option<&OwnedFd>,
        terminal: Option<&File>,
        has_keys: bool,
        output: &Arc<Output>,
    ) -> Result<Self> {
        let (stopped, stop) = io::pipe().context("cannot make a pipe")?;
        let relay = |from: OwnedFd, to: File, is_terminal: bool| OutputRelay {
            from,
            to,
            is_terminal,
            lines: LineWriter::new(Arc::clone(output)),
        };
        let mut relays = Vec::new();
        if let (Some(controller), Some(terminal)) = (controller, terminal) {
            relays.push(relay(controller.try_clone()?, terminal.try_clone()?, true));
        }
        if let Some(stream) = child.stdout.take() {
            relays.push(relay(stream.into(), unbuffered(io::stdout())?, false));
        }
        if let Some(stream) = child.stderr.take() {
            relays.push(relay(stream.into(), unbuffered(io::stderr())?, false));
        }
        let stopped = Arc::new(stopped);
        let mut outputs = Vec::new();
        for relay in relays {
            let stopped = Arc::clone(&stopped);
            let thread = thread::Builder::new().name("output".to_owned());
            outputs.push(
                thread
                    .spawn(move || relay.run(&stopped))
                    .context("cannot start a thread")?,
            );
        }
        if let Some(controller) = controller.filter(|_| has_keys) {
            let to = controller.try_clone()?;
            let thread = thread::Builder::new().name("keys".to_owned());
            let thread = thread.spawn(move || keys(io::stdin().as_fd(), to, &stopped));
            thread.context("cannot start a thread")?;
        }
        Ok(Self { outputs, stop })
    }

    /// Waits until everything that the command printed has been passed on.
    fn stop(self) {
        drop(self.stop);
        for output in self.outputs {
            // A thread that panicked has said so.
            let _ = output.join();
        }
    }
}
