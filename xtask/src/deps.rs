//! Which crate may know which: the picture in `ARCHITECTURE.md` as a list, compared with the manifests.

use crate::Result;
use crate::metadata::{self, Package};

/// What one crate of ours may depend on among ours.
struct Allowed {
    name: &'static str,
    /// In what ships.
    edges: &'static [&'static str],
    /// Also in its tests.
    in_tests: &'static [&'static str],
}

const fn allowed(name: &'static str, edges: &'static [&'static str], in_tests: &'static [&'static str]) -> Allowed {
    Allowed { name, edges, in_tests }
}

const PROTOCOL: &str = "forgecast-protocol";
const DECODE: &str = "forgecast-decode";
const OPEN: &str = "forgecast-open";
const INGEST: &str = "forgecast-ingest";
const SESSION: &str = "forgecast-session";
const STORE: &str = "forgecast-store";
const HUB: &str = "forgecast-hub";
const NOTIFY: &str = "forgecast-notify";
const SERVER: &str = "forgecast-server";
const UI: &str = "forgecast-ui";
const LEGACY: &str = "forgecast-legacy";
const TESTKIT: &str = "forgecast-testkit";

/// Everything may know the protocol; the protocol knows nothing. Sources and storage never know each other.
const ALLOWED: &[Allowed] = &[
    allowed(PROTOCOL, &[], &[]),
    // Its tests fold what agents really write.
    allowed(SESSION, &[PROTOCOL], &[DECODE]),
    // Pure: bytes in, facts out.
    allowed(DECODE, &[PROTOCOL], &[]),
    allowed(OPEN, &[PROTOCOL], &[]),
    allowed(INGEST, &[PROTOCOL, DECODE, OPEN], &[SESSION]),
    allowed(STORE, &[PROTOCOL], &[]),
    allowed(HUB, &[PROTOCOL, SESSION, STORE], &[]),
    // It reads what is stored through the hub, like every viewer.
    allowed(NOTIFY, &[PROTOCOL, HUB], &[SESSION, STORE]),
    allowed(UI, &[], &[]),
    // It decodes and cleans what is pushed, and opens artifacts; it knows nothing of watching.
    allowed(SERVER, &[PROTOCOL, DECODE, OPEN, HUB, NOTIFY, UI], &[TESTKIT]),
    // Mounted on the server by the binary; the server knows nothing of it.
    allowed(LEGACY, &[PROTOCOL, DECODE, HUB, SERVER], &[TESTKIT]),
    // In tests only: nothing that ships may have an edge to it.
    allowed(
        TESTKIT,
        &[PROTOCOL, DECODE, SESSION, STORE, HUB, NOTIFY, SERVER, LEGACY],
        &[],
    ),
    allowed(
        "forgecast",
        &[PROTOCOL, DECODE, INGEST, SESSION, STORE, HUB, NOTIFY, SERVER, LEGACY],
        &[],
    ),
    allowed("forgecast-bench", &[SESSION], &[]),
    allowed("forgecast-work", &[PROTOCOL, INGEST, SESSION, STORE, HUB], &[]),
    allowed("xtask", &[], &[]),
];

/// Heavy dependencies, each with the crates that keep it to themselves.
const KEPT: &[(&str, &[&str])] = &[
    ("inotify", &[INGEST]),
    ("notify", &[INGEST]),
    ("rusqlite", &[STORE]),
    ("axum", &[SERVER, LEGACY]),
    ("hyper", &[SERVER, NOTIFY]),
    ("hyper-util", &[SERVER, NOTIFY]),
    ("rcgen", &[SERVER]),
    ("tokio-rustls", &[SERVER, NOTIFY]),
    ("clap", &["forgecast"]),
    ("toml", &["forgecast"]),
    ("tracing-subscriber", &["forgecast"]),
];

/// Compares and prints one line.
pub(crate) fn run() -> Result {
    let packages = metadata::workspace()?;
    let wrong = check(&packages);
    if wrong.is_empty() {
        println!("deps: {} crates, all edges allowed", packages.len());
        Ok(())
    } else {
        Err(format!(
            "dependencies that the design forbids:\n  {}",
            wrong.join("\n  ")
        ))
    }
}

fn check(packages: &[Package]) -> Vec<String> {
    let mut wrong = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        let Some(allowed) = ALLOWED.iter().find(|allowed| allowed.name == name) else {
            wrong.push(format!("{name} is not in the list of xtask/src/deps.rs"));
            continue;
        };
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            let ours = packages.iter().any(|package| package.name == other);
            let fine = allowed.edges.contains(&other) || dependency.only_for_tests && allowed.in_tests.contains(&other);
            if ours && other != name && !fine {
                wrong.push(format!("{name} -> {other}"));
            }
            let owners = KEPT
                .iter()
                .find(|(heavy, _)| *heavy == other)
                .map(|(_, owners)| *owners);
            if let Some(owners) = owners.filter(|owners| !owners.contains(&name) && !dependency.only_for_tests) {
                wrong.push(format!(
                    "{name} -> {other}, which only {} may use",
                    owners.join(" and ")
                ));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        Package {
            name: name.to_owned(),
            dependencies: dependencies
                .iter()
                .map(|(name, only_for_tests)| Dependency {
                    name: (*name).to_owned(),
                    only_for_tests: *only_for_tests,
                })
                .collect(),
        }
    }

    #[test]
    fn a_forbidden_edge_is_named_and_an_allowed_one_is_not() {
        let packages = [
            package(STORE, &[(PROTOCOL, false), (INGEST, false), ("rusqlite", false)]),
            package(INGEST, &[(SESSION, true), ("rusqlite", false)]),
            package(PROTOCOL, &[]),
            package(SESSION, &[]),
            package("newcomer", &[]),
        ];
        assert_eq!(
            check(&packages),
            [
                "forgecast-store -> forgecast-ingest",
                "forgecast-ingest -> rusqlite, which only forgecast-store may use",
                "newcomer is not in the list of xtask/src/deps.rs",
            ]
        );
    }
}
