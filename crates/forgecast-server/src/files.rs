//! Artifacts of a session as plain text. Opened only when the session's view lists them, only below a configured root,
//! and only by the opener that all paths of agents go through.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use forgecast_decode::clean::Cleaner;
use forgecast_open::{self as open, Base, OpenError};
use forgecast_protocol::SessionView;
use forgecast_protocol::rest::FilePath;
use tokio::time::timeout;

use crate::error::Error;
use crate::etag::NoStore;
use crate::extract::InPath;
use crate::sessions::unknown;
use crate::state::AppState;

/// `GET /api/v1/sessions/{id}/files/{name}`: one listed artifact, cleaned like everything else that agents write.
pub(crate) async fn file(
    State(shared): State<Arc<AppState>>,
    InPath(FilePath { id, name }): InPath<FilePath>,
) -> Result<NoStore<String>, Error> {
    let state = shared.hub.view(&id).await?.ok_or_else(|| unknown(&id))?;
    let view: SessionView = serde_json::from_slice(&state.json)
        .map_err(|error| Error::internal(format!("read the view of {}", state.id), error))?;
    let missing = || Error::NotFound(format!("{id} has no file of this name"));
    if !view.artifacts.contains_key(&name) {
        return Err(missing());
    }
    let project = shared.hub.project_directory(&state.id).ok_or_else(missing)?;
    read(&shared, project, name).await.map(NoStore)
}

/// Reads on a thread, few at a time and not for ever: the file may lie on a disk that does not answer.
async fn read(shared: &AppState, project: PathBuf, name: String) -> Result<String, Error> {
    let roots = shared.roots.clone();
    let limit = shared.options.file_bytes;
    let readers = Arc::clone(&shared.readers);
    let cleaner = Arc::clone(&shared.cleaner);
    let reading = async move {
        let permit = readers.acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            // Given back by the thread itself: a reading that is given up still occupies it.
            let _permit = permit;
            let bytes = open_listed(&roots, &project, &name, limit, &cleaner)?;
            Ok(cleaner.text(&String::from_utf8_lossy(&bytes)))
        })
        .await
    };
    let patience = Duration::from_millis(shared.options.file_timeout_ms);
    match timeout(patience, reading).await {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => Err(Error::internal("read an artifact", error)),
        Err(_) => Err(Error::internal("read an artifact", "the disk did not answer in time")),
    }
}

fn open_listed(roots: &[PathBuf], project: &Path, name: &str, limit: u64, cleaner: &Cleaner) -> Result<Vec<u8>, Error> {
    let not_ours = || Error::NotFound("the file is not below a watched folder".to_owned());
    // A producer may have named any folder; only what the operator named is read.
    let (root, below) = roots
        .iter()
        .find_map(|root| below(root, project, cleaner))
        .ok_or_else(not_ours)?;
    match open::read(&root, &as_on_disk(&root, &below.join(name), cleaner), limit) {
        Ok((bytes, _)) => Ok(bytes),
        Err(OpenError::Missing { .. }) => Err(Error::NotFound("the file is no longer there".to_owned())),
        Err(OpenError::Refused { what, .. }) => Err(Error::NotFound(format!("it is {what}, which is never opened"))),
        Err(OpenError::Oversize { size, limit, .. }) => Err(Error::NotFound(format!(
            "the file has {size} bytes, more than the {limit} that are shown"
        ))),
        Err(error) => Err(Error::internal("read an artifact", error)),
    }
}

/// A path below the root as it is on the disk. Names that are not UTF-8 were shown with a mark in the place of what could not
/// be shown, and a hash stands for a name that holds a secret; such a name is looked up in its folder, and means nothing when two names there look the same.
fn as_on_disk(root: &Path, shown: &Path, cleaner: &Cleaner) -> PathBuf {
    let mut found = PathBuf::new();
    for part in shown.components() {
        let part = part.as_os_str();
        let real = part
            .to_str()
            .filter(|part| part.contains(char::REPLACEMENT_CHARACTER) || part.starts_with("masked-"))
            .and_then(|part| {
                let entries = Base::open(root).and_then(|base| base.list(&found)).ok()?;
                let is_shown = |name: &OsStr| cleaner.path(&name.to_string_lossy()) == part;
                let mut alike = entries.into_iter().filter(|entry| is_shown(&entry.name));
                alike.next().filter(|_| alike.next().is_none())
            });
        found.push(real.map_or_else(|| part.to_owned(), |entry| entry.name));
    }
    found
}

/// The root and the way from it to the project, when the project is below it under one of the root's spellings.
fn below(root: &Path, project: &Path, cleaner: &Cleaner) -> Option<(PathBuf, PathBuf)> {
    let absolute = std::path::absolute(root).ok()?;
    let spellings = [root.canonicalize().ok(), Some(absolute)];
    spellings.into_iter().flatten().find_map(|spelling| {
        let shown = spelling
            .to_str()
            .map_or(Cow::Borrowed(spelling.as_path()), |text| match cleaner.path(text) {
                Cow::Owned(shown) => Cow::Owned(PathBuf::from(shown)),
                Cow::Borrowed(same) => Cow::Borrowed(Path::new(same)),
            });
        let below = project.strip_prefix(&*shown).ok()?.to_owned();
        Some((spelling, below))
    })
}
