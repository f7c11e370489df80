//! Why a configuration is not usable, with where the mistake is and what to write instead.

use std::fmt;
use std::path::PathBuf;

/// The configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}, line {line}: not TOML: {message}", path.display())]
    Syntax {
        path: PathBuf,
        line: usize,
        message: String,
    },
    #[error("{}: unknown key `{key}`{}", path.display(), suggestion(meant.as_deref()))]
    UnknownKey {
        path: PathBuf,
        key: String,
        meant: Option<String>,
    },
    #[error("{provenance}: `{key}` must be {expected}")]
    BadValue {
        provenance: Provenance,
        key: String,
        expected: String,
    },
    #[error("{provenance}: set both `server.tls_certificate` and `server.tls_key`, or only `server.tls_self_signed`")]
    BadTls { provenance: Provenance },
    #[error("{what} is not UTF-8; {instead}")]
    NotUtf8 { what: &'static str, instead: &'static str },
}

/// What to write instead of an unknown word, to follow it in a message.
pub(super) fn suggestion(meant: Option<&str>) -> String {
    meant.map_or_else(
        || "; `forgecast config default` lists the keys".to_owned(),
        |meant| format!("; did you mean `{meant}`?"),
    )
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// The default.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("command line"),
        }
    }
}
