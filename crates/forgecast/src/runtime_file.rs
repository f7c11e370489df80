//! How commands find a running server: each server writes a small file with its address while it runs. The file of a killed
//! server stays, so a reader must check that the server answers.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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
        let mut beside = path.clone();
        beside.set_extension("json.new");
        // A file that a killed process left could have other permissions.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(&serde_json::to_vec(running)?)?;
        fs::rename(&beside, &path)?;
        Ok(Self { path })
    }
}

impl Drop for RuntimeFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Creates a folder with access for its owner only; parents get the usual permissions. An existing folder gets the same
/// access.
///
/// # Errors
/// It cannot be created, or belongs to another user.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let there = fs::metadata(folder)?;
    if !there.is_dir() {
        let message = format!("{} is not a folder", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotADirectory, message));
    }
    // Another user could have created it in a shared temporary folder.
    if there.uid() != rustix::process::geteuid().as_raw() {
        let message = format!("{} belongs to another user", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    if there.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
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

fn alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    // EPERM would mean that the process belongs to another user, so it did not write the file.
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn only_its_owner_may_enter_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/run");
        make_private(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        make_private(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
