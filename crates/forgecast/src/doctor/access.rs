//! Checks of access: exposure, encryption, tokens, and file permissions.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::server::Server;
use super::{Finding, fail, ok, warn};
use crate::access;
use crate::config::{Config, Environment};
use crate::server_urls::ServerUrls;
use crate::terminal::counted;

pub(super) fn findings(server: Option<&Server>, environment: &Environment, config: &Config) -> Vec<Finding> {
    let db = server.map_or_else(|| config.db.clone(), |server| server.db().to_owned());
    let mut findings = Vec::new();
    let exposed = exposed(server, config);
    if exposed {
        findings.push(exposure(server, config));
    }
    if exposed || config.requires_local_tokens() || access::path(&db).exists() {
        findings.push(tokens(&db));
    }
    findings.extend(readable(environment, &db));
    findings
}

/// Whether other machines can reach the running server, or one with this configuration.
fn exposed(server: Option<&Server>, config: &Config) -> bool {
    match server {
        Some(server) => server.network_url().is_some(),
        None => !config.host.is_loopback(),
    }
}

fn exposure(server: Option<&Server>, config: &Config) -> Finding {
    let at = match server.and_then(Server::network_url) {
        Some(url) => url.to_owned(),
        None => ServerUrls::of((config.host, config.port).into(), config).likeliest(),
    };
    if at.starts_with("https://") || !config.server.trusted_proxies.is_empty() {
        return ok("exposure", format!("reachable from the network at {at}, encrypted"));
    }
    warn(
        "exposure",
        format!("reachable from the network at {at}, not encrypted"),
        "add --tls-self-signed or a certificate, or use a reverse proxy with https (docs/security.md)",
    )
}

fn tokens(db: &Path) -> Finding {
    let keys = match access::open(db) {
        Ok(keys) => keys,
        Err(error) => {
            return fail(
                "tokens",
                format!("{error:#}"),
                "fix the file, or move it away to start over",
            );
        }
    };
    let (tokens, links) = (keys.tokens(), keys.shares().len());
    if tokens.is_empty() {
        return warn(
            "tokens",
            "there are no tokens, so only this machine has access",
            "forgecast token new",
        );
    }
    let names = tokens.iter().map(|token| format!("{} ({})", token.name, token.role));
    let names: Vec<String> = names.collect();
    ok(
        "tokens",
        format!("{}; {}", names.join(", "), counted(links as u64, "share link")),
    )
}

/// Our files that other users can read.
fn readable(environment: &Environment, db: &Path) -> Vec<Finding> {
    let data = environment.data_folder();
    let files: [PathBuf; 6] = [
        access::path(db),
        db.to_owned(),
        db.with_file_name("tls").join("key.pem"),
        data.join("init.json"),
        data.join("spool"),
        environment.runtime_folder(),
    ];
    let is_open = |path: &PathBuf| fs::metadata(path).is_ok_and(|there| there.mode() & 0o077 != 0);
    let open: Vec<PathBuf> = files.into_iter().filter(is_open).collect();
    let findings = open.iter().map(|path| {
        let shown = path.display();
        warn(
            "files",
            format!("other users can read {shown}"),
            format!("chmod go= {shown}"),
        )
    });
    findings.collect()
}
