//! Measures: builds what is measured as it ships, installs the peers, and hands over to the bench crate, which knows the
//! figures.

use crate::tool::{self, Tool, cargo};
use crate::{Result, tests};

/// Where the peers in Python are installed.
const PYTHON_PEERS: &str = "target/bench-peers";

/// `bench [name…]`: the figures of these names, all without one.
pub(crate) fn run(names: &[String]) -> Result {
    cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "forgecast",
        "--package",
        "forgecast-bench",
    ])
    .run()?;
    // Without one of them the others are still measured, and the bench says what is missing.
    for (peers, installed) in [
        ("in Node", node_peers()),
        ("in Python", python_peers()),
        ("nchan", nchan()),
    ] {
        if let Err(error) = installed {
            println!("the peers ({peers}) could not be installed: {error}");
        }
    }
    let mut arguments = vec![
        "run",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "forgecast-bench",
        "--",
    ];
    arguments.extend(names.iter().map(String::as_str));
    cargo(&arguments).run()
}

fn node_peers() -> Result {
    tests::install("bench/peers")
}

fn python_peers() -> Result {
    if tool::root().join(PYTHON_PEERS).join("bin/uvicorn").exists() {
        return Ok(());
    }
    Tool::new(".", "python3", &["-m", "venv", PYTHON_PEERS]).run()?;
    let pip = format!("{PYTHON_PEERS}/bin/pip");
    Tool::new(
        ".",
        &pip,
        &["install", "--quiet", "--requirement", "bench/peers/requirements.txt"],
    )
    .run()
}

fn nchan() -> Result {
    tests::provide("nginx", "-v", &["nginx-light", "libnginx-mod-nchan"], "the peer nchan")
}
