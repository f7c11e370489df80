//! What it takes to speak https: a certificate with its key, the operator's or one of our own. TLS 1.2 and 1.3, nothing
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

/// How the first byte of a TLS connection differs from that of every HTTP request: the record type of a handshake.
pub(crate) const HANDSHAKE: u8 = 0x16;
/// More than any chain of certificates has.
const MAX_PEM_BYTES: u64 = 1024 * 1024;

/// A certificate and its key, ready to be used.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    fingerprint: String,
}

/// Why there is no certificate to use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file or its folder cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what it must.
    #[error("{}: no {what} in PEM format ({detail})", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
        /// What is there instead.
        detail: String,
    },
    /// Certificate and key cannot be used, or not together.
    #[error("{}: the certificate cannot be used with this key", certificate.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
    /// What is no host name cannot be written into a certificate.
    #[error("{0:?} is neither a host name nor an address")]
    Name(String),
    /// A certificate of our own could not be made.
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
    /// The operator's certificate, with those that vouch for it behind it, and its key; both as PEM files.
    ///
    /// # Errors
    /// A file is missing, holds something else, or the key is another certificate's.
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
        // The error says what is wrong with the form; it repeats nothing of what is in the file.
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

    /// A certificate of our own for these names and addresses, `localhost` and loopback besides. Made at first and kept in
    /// `folder` (0700, the key 0600); made anew when the names are others or it ends within a month.
    ///
    /// # Errors
    /// The folder cannot be used, or a name is none.
    pub fn self_signed(folder: &Path, names: &[String], now: Timestamp) -> Result<Self, TlsError> {
        self_signed::load_or_create(folder, names, now)
    }

    /// The SHA-256 of the certificate, `AB:CD:…`, as browsers show it: by it a human tells one of our own from another's.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Agrees with a peer on how to encrypt. Takes as long as the peer does.
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
    // Named, not taken from the process: another library could have set another one there.
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
