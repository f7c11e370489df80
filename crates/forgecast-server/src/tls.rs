//! TLS for https: the operator's certificate and key, or a self-signed certificate. TLS 1.2 and 1.3 are supported, nothing
//! older. A key is never logged and never leaves its folder.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXUPPER;
use forgecast_protocol::Timestamp;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, version};
use tokio_rustls::server::TlsStream;

mod self_signed;

/// The first byte of every TLS connection, the record type of a handshake. No HTTP request begins with it.
pub(crate) const HANDSHAKE: u8 = 0x16;
/// Longest PEM file that is read, in bytes; longer than any chain of certificates.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// A certificate and its key, ready to be used.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    fingerprint: String,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file or its folder cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A file does not contain a certificate or a key in PEM format.
    #[error("{}: no {what} in PEM format ({detail})", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
        /// What the parser reported.
        detail: String,
    },
    /// The certificate or the key is not supported, or they do not belong together.
    #[error("{}: the certificate cannot be used with this key", certificate.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// What rustls reported.
        #[source]
        source: rustls::Error,
    },
    /// A name for the certificate is neither a host name nor an address.
    #[error("{0:?} is neither a host name nor an address")]
    Name(String),
    /// A self-signed certificate could not be created.
    #[error("cannot make a certificate")]
    Make(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TlsError {
    fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::File { action, path, source }
    }
}

impl Tls {
    /// The operator's certificate, followed by its chain, and its key; both as PEM files.
    ///
    /// # Errors
    /// A file is missing or is not PEM, or the key belongs to another certificate.
    pub fn from_pem(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let wrong = |path: &Path, what, detail: String| TlsError::Pem {
            path: path.to_owned(),
            what,
            detail,
        };
        let bytes = read(certificate)?;
        let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        let chain = chain.map_err(|error| wrong(certificate, "certificate", error.to_string()))?;
        let Some(first) = chain.first() else {
            return Err(wrong(certificate, "certificate", "there is none".to_owned()));
        };
        let fingerprint = fingerprint(first);
        // The error describes the form only and repeats nothing of the key.
        let private =
            PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| wrong(key, "private key", error.to_string()))?;
        let config = config(chain, private).map_err(|source| TlsError::Unusable {
            certificate: certificate.to_owned(),
            source,
        })?;
        Ok(Self {
            config: Arc::new(config),
            fingerprint,
        })
    }

    /// A self-signed certificate for these names and addresses, and for `localhost` and loopback. It is stored in `folder`
    /// (mode 0700, the key 0600), and created again when the names change or it expires within a month.
    ///
    /// # Errors
    /// The folder cannot be used, or a name is neither a host name nor an address.
    pub fn self_signed(folder: &Path, names: &[String], now: Timestamp) -> Result<Self, TlsError> {
        self_signed::load_or_create(folder, names, now)
    }

    /// The SHA-256 of the certificate, `AB:CD:…`, as browsers show it, so that a person can compare the two.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Performs the TLS handshake. It has no timeout of its own.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

fn config(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerConfig, rustls::Error> {
    // The provider is named here instead of taken from the process default, which another library may have set.
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |error| TlsError::file("read", path, error);
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_PEM_BYTES {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    fs::read(path).map_err(failed)
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = HEXUPPER.encode(&Sha256::digest(certificate));
    let pairs: Vec<&str> = (0..digest.len()).step_by(2).map(|at| &digest[at..at + 2]).collect();
    pairs.join(":")
}
