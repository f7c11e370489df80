//! What the process was started in: the only place that reads the environment. No library crate ever does.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::value::PathBase;

/// What the process was started in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(super) variables: BTreeMap<String, String>,
    pub(super) current_folder: PathBuf,
}

impl Environment {
    /// Reads variables and the current folder of this process; text that is not UTF-8 is taken approximately.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub(crate) fn of_this_process() -> Self {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        Self {
            variables: std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            current_folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }

    /// A variable that is set to something.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable that holds an absolute path; the XDG specification has the others ignored.
    pub(super) fn folder(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// Where the process was started.
    pub(crate) fn current_folder(&self) -> &Path {
        &self.current_folder
    }

    /// A path that was named on the command line, absolute and without `.`, `..` and slashes at its end.
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

    /// Our folder for data, without making it. Without a home it lies among the temporary files, named after the user.
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

    /// Our folder for what lives as long as a process.
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
