//! The floors: the least that any program can do for the same result. They run as processes of their own, like the program that is
//! measured beside them.

use std::collections::HashMap;
use std::io::Write;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, bail};
use forgecast_session::patch;
use rustix::fs::inotify;
use serde_json::Value;

/// How often Forgecast sends a heartbeat, and about how large it is.
const HEARTBEAT_S: usize = 2;
const HEARTBEAT_BYTES: usize = 200;

/// Runs the floor called `role`.
pub(crate) fn run(role: &str, arguments: &[String]) -> Result<()> {
    match (role, arguments) {
        ("floor-watch", [root]) => watch(Path::new(root)),
        ("floor-send", []) => send(),
        ("floor-rest", [root]) => rest(Path::new(root)),
        _ => bail!("unknown floor {role:?}"),
    }
}

type Sockets = Arc<Mutex<Vec<TcpStream>>>;

/// Listens, keeps whoever connects, and says where on the first line.
#[expect(clippy::print_stdout, reason = "the address is the one thing this process says")]
fn listen() -> Result<Sockets> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let sockets = Sockets::default();
    let kept = Arc::clone(&sockets);
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let _ = socket.set_nodelay(true);
            if let Ok(mut kept) = kept.lock() {
                kept.push(socket);
            }
        }
    });
    Ok(sockets)
}

fn deliver(sockets: &Sockets, line: &[u8]) {
    if let Ok(mut sockets) = sockets.lock() {
        sockets.retain_mut(|socket| socket.write_all(line).is_ok());
    }
}

/// inotify, read, parse, merge patch against the document before, `write(2)` of one line to every socket.
fn watch(root: &Path) -> Result<()> {
    let descriptor = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    let flags = inotify::WatchFlags::CLOSE_WRITE | inotify::WatchFlags::MOVED_TO;
    let mut folders: HashMap<i32, (PathBuf, Value)> = HashMap::new();
    for entry in std::fs::read_dir(root)? {
        let folder = entry?.path().join(".context-foundry");
        let watch = inotify::add_watch(&descriptor, &folder, flags)?;
        let before = read(&folder).unwrap_or(Value::Null);
        folders.insert(watch, (folder, before));
    }
    let sockets = listen()?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(&descriptor, &mut buffer);
    loop {
        let event = reader.next()?;
        if event
            .file_name()
            .is_none_or(|name| name.to_bytes() != b"current-phase.json")
        {
            continue;
        }
        let Some((folder, before)) = folders.get_mut(&event.wd()) else {
            continue;
        };
        let Ok(now) = read(folder) else { continue };
        if let Some(change) = patch::diff(before, &now) {
            let mut line = serde_json::to_vec(&change)?;
            line.push(b'\n');
            deliver(&sockets, &line);
            *before = now;
        }
    }
}

fn read(folder: &Path) -> Result<Value> {
    let bytes = std::fs::read(folder.join("current-phase.json"))?;
    serde_json::from_slice(&bytes).context("parsing")
}

/// The first socket is the producer: what it writes goes to all others, as it came, with one `send(2)` each.
fn send() -> Result<()> {
    use std::io::Read;
    let sockets = listen()?;
    let mut producer = loop {
        if let Some(producer) = sockets
            .lock()
            .ok()
            .and_then(|mut sockets| (!sockets.is_empty()).then(|| sockets.remove(0)))
        {
            break producer;
        }
        crate::process::pause(std::time::Duration::from_millis(5));
    };
    let mut buffer = vec![0; 300];
    loop {
        producer.read_exact(&mut buffer)?;
        deliver(&sockets, &buffer);
    }
}

/// Nothing happens: a heartbeat for every socket, as often as Forgecast sends one, and `stat` of every phase file once a
/// minute.
fn rest(root: &Path) -> Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root)? {
        files.push(entry?.path().join(".context-foundry/current-phase.json"));
    }
    let sockets = listen()?;
    let heartbeat = vec![b'x'; HEARTBEAT_BYTES];
    for second in 1_usize.. {
        crate::process::pause(std::time::Duration::from_secs(1));
        let turn = files.iter().skip(second % 60).step_by(60);
        turn.for_each(|file| drop(std::fs::metadata(file)));
        if second.is_multiple_of(HEARTBEAT_S) {
            deliver(&sockets, &heartbeat);
        }
    }
    Ok(())
}
