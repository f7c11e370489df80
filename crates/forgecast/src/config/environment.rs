//! The environment of the process: variables and current folder. This is the only module that reads them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::value::PathBase;

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
    pub(super) fn folder(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
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
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.folder("HOME")
    }

    /// Our data folder, which need not exist. Without a home it is in the temporary folder, named after the user.
    pub(crate) fn data_folder(&self) -> PathBuf {
        let data = self
            .folder("XDG_DATA_HOME")
            .or_else(|| Some(self.home()?.join(".local/share")));
        data.map_or_else(
            || {
                self.temporary_folder()
                    .join(format!("forgecast-{}", rustix::process::geteuid().as_raw()))
            },
            |data| data.join("forgecast"),
        )
    }

    /// Our folder for files that live as long as a process.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        self.folder("XDG_RUNTIME_DIR")
            .filter(|folder| folder.is_dir())
            .map_or_else(|| self.data_folder().join("run"), |folder| folder.join("forgecast"))
    }

    fn temporary_folder(&self) -> PathBuf {
        self.folder("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"))
    }

    pub(super) fn path_base<'a>(&'a self, home: Option<&'a Path>) -> PathBase<'a> {
        PathBase {
            folder: &self.current_folder,
            home,
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
