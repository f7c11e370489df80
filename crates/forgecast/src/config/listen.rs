//! What follows from the settings about encryption and reverse proxies.

use std::path::PathBuf;

use super::{Config, ConfigError, key};

/// How connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Not at all.
    None,
    /// With a certificate that Forgecast creates.
    SelfSigned,
    /// With the operator's certificate.
    Certificate { certificate: PathBuf, key: PathBuf },
}

/// How to encrypt by the settings.
///
/// # Errors
/// The settings contradict each other.
pub(super) fn encryption(config: &Config) -> Result<Encryption, ConfigError> {
    let server = &config.server;
    let conflicting = match (&server.tls_certificate, &server.tls_key, server.tls_self_signed) {
        (None, None, false) => return Ok(Encryption::None),
        (None, None, true) => return Ok(Encryption::SelfSigned),
        (Some(certificate), Some(key), false) => {
            return Ok(Encryption::Certificate {
                certificate: certificate.clone(),
                key: key.clone(),
            });
        }
        (_, _, true) => key!(server.tls_self_signed),
        (Some(_), None, false) => key!(server.tls_certificate),
        (None, Some(_), false) => key!(server.tls_key),
    };
    Err(ConfigError::BadTls {
        provenance: config.provenance(conflicting),
    })
}

impl Config {
    /// Whether processes on this machine need a token, too.
    pub(crate) fn requires_local_tokens(&self) -> bool {
        self.server.require_token || !self.server.trusted_proxies.is_empty()
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.encryption != Encryption::None
    }
}
