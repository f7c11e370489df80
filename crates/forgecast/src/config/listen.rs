//! The settings that say where the server listens, how it encrypts and whose word it takes, as more than texts.

use std::net::IpAddr;
use std::path::PathBuf;

use super::{Config, ConfigError};

/// How connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Not at all.
    None,
    /// With a certificate of our own making.
    SelfSigned,
    /// With a certificate of the operator's.
    Certificate { certificate: PathBuf, key: PathBuf },
}

impl Config {
    /// The address to listen on.
    ///
    /// # Errors
    /// When it is no address.
    pub(crate) fn host(&self) -> Result<IpAddr, ConfigError> {
        let host = self.text("host");
        match host {
            "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
            // What other servers take for "every address".
            "0" | "*" => Ok(IpAddr::from([0, 0, 0, 0])),
            // `::ffff:127.0.0.1` is 127.0.0.1.
            text => text
                .trim_matches(['[', ']'])
                .parse()
                .map(|address: IpAddr| address.to_canonical())
                .map_err(|_| ConfigError::BadHost {
                    provenance: self.provenance("host"),
                    host: host.to_owned(),
                }),
        }
    }

    /// How to encrypt.
    ///
    /// # Errors
    /// When the settings contradict each other.
    pub(crate) fn encryption(&self) -> Result<Encryption, ConfigError> {
        let (certificate, key) = (self.path("server.tls_certificate"), self.path("server.tls_key"));
        match (certificate, key, self.switch("server.tls_self_signed")) {
            (None, None, false) => Ok(Encryption::None),
            (None, None, true) => Ok(Encryption::SelfSigned),
            (Some(certificate), Some(key), false) => Ok(Encryption::Certificate { certificate, key }),
            (certificate, _, self_signed) => {
                let key = match (certificate, self_signed) {
                    (_, true) => "server.tls_self_signed",
                    (Some(_), false) => "server.tls_certificate",
                    (None, false) => "server.tls_key",
                };
                let provenance = self.provenance(key);
                Err(ConfigError::BadTls { provenance })
            }
        }
    }

    /// Reverse proxies whose word counts.
    pub(crate) fn proxies(&self) -> Vec<IpAddr> {
        let texts = self.texts("server.trusted_proxies").into_iter();
        texts.filter_map(|text| text.parse().ok()).collect()
    }

    /// Whether processes of this machine need a token, too.
    pub(crate) fn wants_tokens_here(&self) -> bool {
        self.switch("server.require_token") || !self.proxies().is_empty()
    }

    /// Whether connections are encrypted.
    ///
    /// # Errors
    /// As [`Config::encryption`].
    pub(crate) fn is_encrypted(&self) -> Result<bool, ConfigError> {
        Ok(self.encryption()? != Encryption::None)
    }
}
