//! Builds the dashboard with Node and writes the table of its files for `lib.rs` to embed. Does so only when a source
//! changed, installs packages only when the lock did, and never writes into the source folder but for `node_modules`.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use sha2::{Digest, Sha256};

/// What the bundle is made from: a change in one of these, and in nothing else, builds it anew.
const SOURCES: [&str; 14] = [
    "src/lib",
    "src/pages",
    "src/panels",
    "src/components",
    "src/App.svelte",
    "src/app.css",
    "src/main.ts",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "vite.config.ts",
    "tsconfig.json",
];

const NODE_HELP: &str = "building the dashboard needs Node (20.19 or later) with npm on the PATH";

fn main() -> ExitCode {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error={}", reason.replace('\n', " | "));
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    let dist = out.join("dist");
    check_node()?;
    {
        // Builds of two profiles may run at once and share `node_modules`. The lock goes with the process, however it ends.
        let lock_path = folder.join("package-lock.json");
        let lock = File::open(&lock_path).map_err(|error| failed("open", &lock_path, &error))?;
        lock.lock().map_err(|error| failed("lock", &lock_path, &error))?;
        install(&folder)?;
    }
    run(Command::new("npm")
        .args([
            "exec",
            "--no",
            "--",
            "vite",
            "build",
            "--emptyOutDir",
            "--logLevel",
            "warn",
            "--outDir",
        ])
        .arg(&dist)
        .current_dir(&folder))?;
    let table = table(&dist)?;
    let table_path = out.join("table.rs");
    fs::write(&table_path, table).map_err(|error| failed("write", &table_path, &error))
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to a build script by its environment"
)]
fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {verb} {}: {error}", path.display())
}

fn check_node() -> Result<(), String> {
    let output = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|error| format!("{NODE_HELP}; `node --version`: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let numbers: Vec<u32> = version
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    if numbers.as_slice() >= &[20, 19][..] {
        Ok(())
    } else {
        Err(format!("{NODE_HELP}; `node --version` says {version:?}"))
    }
}

/// Installs what the lock names. The stamp is a copy of the lock inside `node_modules` (`cargo xtask` keeps the same one),
/// so that it goes when that folder goes, and is written last, so that a broken installation is made again.
fn install(folder: &Path) -> Result<(), String> {
    let lock_path = folder.join("package-lock.json");
    let lock = fs::read(&lock_path).map_err(|error| failed("read", &lock_path, &error))?;
    let stamp_path = folder.join("node_modules/.installed-from");
    if fs::read(&stamp_path).is_ok_and(|stamp| stamp == lock) {
        return Ok(());
    }
    run(Command::new("npm").args(["ci", "--loglevel=error"]).current_dir(folder))?;
    fs::write(&stamp_path, lock).map_err(|error| failed("write", &stamp_path, &error))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{NODE_HELP}; {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?} ended with {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// The Rust source of the table: one `Asset` per file, sorted by path, its compressed copies beside it.
fn table(dist: &Path) -> Result<String, String> {
    let mut files = Vec::new();
    walk(dist, &mut files).map_err(|error| failed("list", dist, &error))?;
    files.sort();
    let mut entries = String::new();
    let mut index = None;
    let mut count = 0_usize;
    for file in &files {
        if matches!(file.extension().and_then(OsStr::to_str), Some("br" | "gz")) {
            continue;
        }
        let path = file
            .strip_prefix(dist)
            .map_err(|error| error.to_string())?
            .to_string_lossy()
            .replace('\\', "/");
        if path == "index.html" {
            index = Some(count);
        }
        count += 1;
        let bytes = fs::read(file).map_err(|error| failed("read", file, &error))?;
        writeln!(
            entries,
            "    Asset {{ path: {path:?}, mime: {:?}, bytes: include_bytes!({:?}), br: {}, gz: {}, etag: {:?}, immutable: {} }},",
            mime(file),
            file.display().to_string(),
            copy(file, "br"),
            copy(file, "gz"),
            format!("\"{}\"", &hex(&bytes)[..32]),
            path.starts_with("assets/"),
        )
        .map_err(|error| error.to_string())?;
    }
    let index = index.ok_or("vite wrote no index.html")?;
    Ok(format!(
        "/// Every file of the dashboard, sorted by path.\nstatic ASSETS: [Asset; {count}] = [\n{entries}];\n\n\
         /// Where in [`ASSETS`] the page stands.\nconst INDEX: usize = {index};\n"
    ))
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn copy(file: &Path, ending: &str) -> String {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    let path = PathBuf::from(name);
    if path.exists() {
        format!("Some(include_bytes!({:?}))", path.display().to_string())
    } else {
        "None".to_owned()
    }
}

fn mime(file: &Path) -> &'static str {
    match file.extension().and_then(OsStr::to_str) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
