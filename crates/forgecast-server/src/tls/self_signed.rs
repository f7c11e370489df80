//! A self-signed certificate: created when it is needed, and stored so that a browser asks only once whether to trust it. A
//! line of text before the PEM block names the hosts that it is for.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use forgecast_protocol::Timestamp;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};

use super::{Tls, TlsError};
use crate::atomic_file;

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
/// How long a certificate is valid: browsers accept at most 398 days.
const LIFETIME: Duration = Duration::from_secs(397 * DAY_S);
/// How long before its end a certificate is replaced: a server may run for weeks, and its certificate must not expire
/// meanwhile.
const RENEWED_BEFORE: Duration = Duration::from_secs(30 * DAY_S);
/// The certificate is valid from this time before now, for clients whose clocks are behind.
const EARLIER: Duration = Duration::from_secs(DAY_S);
const DAY_S: u64 = 24 * 60 * 60;

/// The certificate in `folder` if it is valid for these names, otherwise a new one.
pub(super) fn load_or_create(folder: &Path, names: &[String], now: Timestamp) -> Result<Tls, TlsError> {
    let names = normal(names)?;
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    private(folder).map_err(|error| TlsError::file("write", folder, error))?;
    if let Ok(text) = fs::read_to_string(&certificate)
        && is_good(&text, &names, now)
        && let Ok(tls) = Tls::from_pem(&certificate, &key)
    {
        return Ok(tls);
    }
    let until = seconds(now) + LIFETIME.as_secs();
    let (made, secret) = make(&names, now).map_err(|error| TlsError::Make(Box::new(error)))?;
    let text = format!("{}\n{made}", head(until, &names));
    for (path, text) in [(&key, &secret), (&certificate, &text)] {
        atomic_file::replace(path, text.as_bytes(), 0o600).map_err(|error| TlsError::file("write", path, error))?;
    }
    Tls::from_pem(&certificate, &key)
}

/// The names in lower case, sorted and without duplicates; always with loopback, for browsers on this machine.
fn normal(names: &[String]) -> Result<Vec<String>, TlsError> {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut all = Vec::new();
    for name in own.iter().chain(names) {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) => all.push(address.to_canonical().to_string()),
            Err(_) if is_name(name) => all.push(name.to_ascii_lowercase()),
            Err(_) => return Err(TlsError::Name(name.clone())),
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

fn is_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !name.is_empty() && name.len() < 254 && name.bytes().all(fine)
}

/// The line before the certificate.
fn head(until_s: u64, names: &[String]) -> String {
    format!(
        "forgecast made this certificate itself; until {until_s}; for {}",
        names.join(" ")
    )
}

fn is_good(text: &str, names: &[String], now: Timestamp) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let until = first.split_once("; until ").and_then(|(_, rest)| rest.split_once(';'));
    let Some(until) = until.and_then(|(until, _)| until.parse::<u64>().ok()) else {
        return false;
    };
    let renewed = seconds(now) + RENEWED_BEFORE.as_secs();
    // A certificate that is not valid yet, because a clock was wrong, is as useless as an expired one.
    first == head(until, names) && renewed < until && until <= seconds(now) + LIFETIME.as_secs() + DAY_S
}

fn make(names: &[String], now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    let now_s = Duration::from_secs(seconds(now));
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now_s.saturating_sub(EARLIER);
    params.not_after = epoch + now_s + LIFETIME;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "forgecast");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_millis() / 1000).unwrap_or_default()
}

/// Creates a folder that only its owner can use, and corrects the mode of one that exists.
fn private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o700))
}
