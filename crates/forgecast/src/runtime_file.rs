//! How commands find a running server: each server writes a small file with its address while it runs. The file of a killed
//! server stays, so a reader must check that the server answers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use forgecast_server::atomic_file::replace;
use serde::{Deserialize, Serialize};

use crate::config::Environment;
use crate::private_folder::make_private;
use crate::spool::Spool;

/// What a running server announces.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Its address, without a slash at the end.
    pub(crate) url: String,
    /// Its process id.
    pub(crate) pid: u32,
    /// Its database.
    pub(crate) db: PathBuf,
    /// The folders of coding agents that it watches, sorted.
    #[serde(default)]
    pub(crate) transcripts: Vec<PathBuf>,
    /// The spool that it delivers; a demo delivers none, because its database is temporary.
    #[serde(default)]
    pub(crate) spool: Option<PathBuf>,
    /// Its URL for other machines, with a proxy's path; none if only this machine can reach it.
    #[serde(default)]
    pub(crate) elsewhere: Option<String>,
    /// The token for commands of the same user, who alone can read the file.
    #[serde(default)]
    pub(crate) key: Option<String>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the key, because this may end up in a log.
        let mut shown = f.debug_struct("Running");
        shown
            .field("url", &self.url)
            .field("pid", &self.pid)
            .field("db", &self.db);
        shown.finish_non_exhaustive()
    }
}

/// The runtime file of this process, removed when dropped.
#[derive(Debug)]
pub(crate) struct RuntimeFile {
    path: PathBuf,
}

impl RuntimeFile {
    /// Writes the file into `folder`, which is created for this user alone.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub(crate) fn announce(folder: &Path, running: &Running) -> io::Result<Self> {
        make_private(folder)?;
        let path = folder.join(format!("{}.json", running.pid));
        replace(&path, &serde_json::to_vec(running)?, 0o600)?;
        Ok(Self { path })
    }
}

impl Drop for RuntimeFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The server to use: the one on `db`, else, unless `named` says that the database was chosen explicitly, the one that was
/// started last. Only servers for which `answers` is true count. Files of processes that no longer run are removed.
pub(crate) fn find(folder: &Path, db: &Path, named: bool, answers: impl Fn(&Running) -> bool) -> Option<Running> {
    let mut candidates: Vec<(std::time::SystemTime, PathBuf, Running)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let running: Running = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, path, running))
        })
        .filter(|(_, path, running)| path.file_stem().is_some_and(|stem| *stem == *running.pid.to_string()))
        .collect();
    candidates.sort_by_key(|(written_at, _, running)| (running.db == db, *written_at));
    while let Some((_, path, running)) = candidates.pop() {
        if named && running.db != db {
            continue;
        }
        if !alive(running.pid) {
            let _ = fs::remove_file(&path);
        } else if answers(&running) {
            return Some(running);
        }
    }
    None
}

/// The running server that delivers the spool of this user; none if it is not known to run.
pub(crate) fn delivering(environment: &Environment) -> Option<Running> {
    let spool = Spool::within(&environment.data_folder());
    let takes = |running: &Running| running.spool.as_deref() == Some(spool.folder());
    find(&environment.runtime_folder(), Path::new(""), false, takes)
}

fn alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    // EPERM would mean that the process belongs to another user, so it did not write the file.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn running(pid: u32, db: &str) -> Running {
        Running {
            url: format!("http://127.0.0.1:{pid}"),
            pid,
            db: PathBuf::from(db),
            transcripts: Vec::new(),
            spool: None,
            elsewhere: None,
            key: Some("fc_a_secret".to_owned()),
        }
    }

    #[test]
    fn a_server_is_found_while_it_runs_and_not_after() {
        let folder = tempfile::tempdir().unwrap();
        let here = running(std::process::id(), "/a.db");
        let file = RuntimeFile::announce(&folder.path().join("run"), &here).unwrap();
        let look = |db: &str, named| find(&folder.path().join("run"), Path::new(db), named, |_| true);
        assert_eq!(look("/a.db", true), Some(here.clone()));
        assert_eq!(look("/b.db", false), Some(here));
        assert_eq!(look("/b.db", true), None, "another database was asked for by name");
        drop(file);
        assert_eq!(look("/a.db", false), None);
    }

    #[test]
    fn the_file_of_a_killed_server_is_ignored_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        // No process has this number: it is above the kernel's largest possible one.
        let gone = running(i32::MAX.unsigned_abs(), "/a.db");
        let file = RuntimeFile::announce(folder.path(), &gone).unwrap();
        assert_eq!(find(folder.path(), Path::new("/a.db"), false, |_| true), None);
        assert!(!file.path.exists());
    }

    #[test]
    fn a_server_that_does_not_answer_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let here = running(std::process::id(), "/a.db");
        let _file = RuntimeFile::announce(folder.path(), &here).unwrap();
        assert_eq!(find(folder.path(), Path::new("/a.db"), false, |_| false), None);
    }

    #[test]
    fn a_server_of_an_earlier_version_is_understood() {
        let old = r#"{"url": "http://127.0.0.1:8080", "pid": 7, "db": "/a.db"}"#;
        let running: Running = serde_json::from_str(old).unwrap();
        assert_eq!((running.transcripts.len(), running.spool, running.key), (0, None, None));
    }

    #[test]
    fn the_key_is_in_a_file_of_its_owner_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let here = running(std::process::id(), "/a.db");
        let file = RuntimeFile::announce(folder.path(), &here).unwrap();
        assert_eq!(fs::metadata(&file.path).unwrap().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&file.path).unwrap().contains("fc_a_secret"));
        assert!(!format!("{here:?}").contains("fc_a_secret"));
    }
}
