//! The environment of the process: variables and current folder. This is the only module that reads them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::setting::PathBase;

/// The variable with a token for a server that commands are given the address of. No setting: it would be shown among them.
pub(crate) const TOKEN_VARIABLE: &str = "FORGECAST_TOKEN";

/// Variables and current folder of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(super) variables: BTreeMap<String, String>,
    pub(super) current_folder: PathBuf,
}

impl Environment {
    /// Reads the environment of this process. Bytes that are not UTF-8 are replaced.
    #[expect(clippy::disallowed_methods, reason = "this is the only place")]
    pub(crate) fn of_this_process() -> Self {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        Self {
            variables: std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            current_folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }

    /// The value of a variable that is not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The value of a variable that is an absolute path; the XDG specification says to ignore others.
    pub(super) fn folder(&self, name: &str) -> Option<&Path> {
        self.variable(name).map(Path::new).filter(|path| path.is_absolute())
    }

    /// The folder in a variable, else the usual one in the user's home.
    fn folder_or(&self, name: &str, usual: &str) -> Option<PathBuf> {
        match self.folder(name) {
            Some(folder) => Some(folder.to_owned()),
            None => Some(self.home()?.join(usual)),
        }
    }

    /// The current folder of the process.
    pub(crate) fn current_folder(&self) -> &Path {
        &self.current_folder
    }

    /// A path from the command line, made absolute and without `.`, `..` and trailing slashes.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        let mut plain = PathBuf::new();
        for part in self.current_folder.join(path).components() {
            match part {
                Component::ParentDir => {
                    plain.pop();
                }
                Component::CurDir => {}
                part => plain.push(part),
            }
        }
        plain
    }

    /// The user's home folder.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.folder("HOME")
    }

    /// A path in which `~/` is the home folder, made absolute.
    pub(crate) fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.absolute(Path::new(path)),
        }
    }

    /// A path as a person writes it: `~` is the home folder.
    pub(crate) fn shortened(&self, path: &Path) -> String {
        match self.home().and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) => Path::new("~").join(rest).display().to_string(),
            None => path.display().to_string(),
        }
    }

    /// The token for a server that commands are given the address of.
    pub(crate) fn token(&self) -> Option<&str> {
        self.variable(TOKEN_VARIABLE)
    }

    /// The user's folder of configurations.
    pub(super) fn config_folder(&self) -> Option<PathBuf> {
        self.folder_or("XDG_CONFIG_HOME", ".config")
    }

    /// Our data folder, which need not exist. Without a home it is in the temporary folder, named after the user.
    pub(crate) fn data_folder(&self) -> PathBuf {
        if let Some(data) = self.folder_or("XDG_DATA_HOME", ".local/share") {
            return data.join("forgecast");
        }
        let temporary = self.folder("TMPDIR").unwrap_or(Path::new("/tmp"));
        temporary.join(format!("forgecast-{}", rustix::process::geteuid().as_raw()))
    }

    /// Our folder for files that live as long as a process.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.folder("XDG_RUNTIME_DIR")
            .filter(|folder| folder.is_dir())
            .map_or_else(|| self.data_folder().join("run"), |folder| folder.join("forgecast"))
    }

    /// What relative paths and `~` mean in variables and flags.
    pub(super) fn path_base(&self) -> PathBase<'_> {
        PathBase {
            folder: &self.current_folder,
            home: self.home(),
        }
    }

    #[cfg(test)]
    pub(crate) fn made_of(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            variables: variables.iter().map(text).collect(),
            current_folder: folder.to_owned(),
        }
    }
}
