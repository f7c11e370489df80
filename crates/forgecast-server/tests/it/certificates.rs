//! The files of a certificate: what is kept of one of our own, and what is said of one that cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use forgecast_server::{Tls, TlsError};

use crate::tls::own;
use forgecast_testkit::now;

const MODES: u32 = 0o7777;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & MODES
}

#[test]
fn a_certificate_of_ones_own_is_kept_and_made_anew_when_it_has_to_be() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data/tls");
    let made = |names: &[&str], days: i64| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let time = now().plus_millis(days * 24 * 60 * 60 * 1000);
        let tls = Tls::self_signed(&folder, &names, time).unwrap();
        tls.fingerprint().to_owned()
    };
    let first = made(&["Builds.example", "192.0.2.7"], 0);
    assert_eq!(first.len(), 32 * 3 - 1);
    assert!(first.split(':').all(|pair| u8::from_str_radix(pair, 16).is_ok()));
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
    // Kept, however the same names are written, and through most of its life.
    assert_eq!(made(&["192.0.2.7", "builds.EXAMPLE", "localhost", "::1"], 1), first);
    assert_eq!(made(&["builds.example", "192.0.2.7"], 366), first);
    let second = made(&["builds.example", "192.0.2.7"], 368);
    assert_ne!(second, first, "it ends within a month");
    let third = made(&["builds.example", "192.0.2.8"], 368);
    assert_ne!(third, second, "other names");
    let fourth = made(&["builds.example", "192.0.2.8"], 0);
    assert_ne!(fourth, third, "it is from the future");
    fs::write(folder.join("key.pem"), "nonsense").unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let fifth = made(&["builds.example", "192.0.2.8"], 0);
    assert_ne!(fifth, fourth, "the key is gone");
    assert_eq!((mode(&folder), mode(&folder.join("key.pem"))), (0o700, 0o600));
    fs::write(folder.join("certificate.pem"), "").unwrap();
    assert_ne!(made(&["builds.example", "192.0.2.8"], 0), fifth);
}

#[test]
fn what_cannot_be_used_is_refused_with_the_file_that_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (one, other) = (path("one"), path("other"));
    own(&one, &[]);
    own(&other, &[]);
    let refused = |certificate: &Path, key: &Path| Tls::from_pem(certificate, key).unwrap_err().to_string();
    let (certificate, key) = (one.join("certificate.pem"), one.join("key.pem"));
    assert!(Tls::from_pem(&certificate, &key).is_ok());
    assert!(refused(&path("gone.pem"), &key).contains("gone.pem"));
    assert!(refused(&certificate, &path("gone.pem")).contains("gone.pem"));
    assert!(refused(&key, &key).contains("no certificate"));
    assert!(refused(&certificate, &certificate).contains("no private key"));
    let strange = refused(&certificate, &other.join("key.pem"));
    assert!(strange.contains("cannot be used with this key"), "{strange}");
    let secret = fs::read_to_string(&key).unwrap();
    fs::write(path("cut.pem"), &secret[..secret.len() / 2]).unwrap();
    let cut = refused(&certificate, &path("cut.pem"));
    assert!(!cut.contains(&secret[40..60]), "a key is never repeated: {cut}");
    fs::write(path("long.pem"), vec![b'x'; 2 * 1024 * 1024]).unwrap();
    assert!(refused(&path("long.pem"), &key).contains("long.pem"));
    for name in ["", "a b", "a,b", "a\nb", "https://a", "*"] {
        let refused = Tls::self_signed(&one, &[name.to_owned()], now()).unwrap_err();
        assert!(matches!(refused, TlsError::Name(_)), "{name:?}");
    }
    fs::write(path("file"), "").unwrap();
    let refused = Tls::self_signed(&path("file"), &[], now()).unwrap_err();
    assert!(matches!(refused, TlsError::File { action: "write", .. }), "{refused}");
}
