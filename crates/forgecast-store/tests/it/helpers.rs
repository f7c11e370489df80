//! Short ways to say what a test is about.

use std::path::{Path, PathBuf};

use forgecast_protocol::batch::LogLevel;
use forgecast_protocol::event::{Custom, Fact, PhaseReported};
use forgecast_protocol::session::{RowUsage, SessionRow, SessionStatus, SourceOfState};
use forgecast_protocol::{
    Event, EventKey, FileIdentity, LogLine, Origin, SessionId, SourceCheckpoint, SourceKey, SourceKind, Subject,
    Timestamp,
};
use forgecast_store::{Commit, Opened, Options, Store, StoredSession, Write, open};

pub(crate) const FOLD: u32 = 1;
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A day in 2026, in milliseconds.
pub(crate) const NOW_MS: i64 = 1_769_847_300_250;

pub(crate) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A folder that goes with the test, and where its database is.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("forgecast.db")
    }

    pub(crate) fn options(&self) -> Options {
        options(&self.path())
    }

    pub(crate) async fn open(&self) -> Opened {
        open(self.options(), FOLD, time(NOW_MS)).await.unwrap()
    }

    pub(crate) async fn store(&self) -> Store {
        self.open().await.store
    }

    /// The names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn options(path: &Path) -> Options {
    Options {
        path: Some(path.into()),
        ..Options::default()
    }
}

pub(crate) fn id(text: &str) -> SessionId {
    text.parse().unwrap()
}

pub(crate) fn session(text: &str) -> Write {
    Write::Session(StoredSession {
        id: id(text),
        name: text.into(),
        directory: Some(format!("/builds/{text}")),
        named: false,
        created_at: time(NOW_MS),
        pushed_by: None,
    })
}

pub(crate) fn fact(fact: Fact, at: i64) -> Event {
    Event {
        id: None,
        subject: Subject::default(),
        at: time(at),
        origin: Origin {
            kind: SourceKind::Push,
            path: None,
            first_sight: false,
            modified_at: None,
        },
        fact,
    }
}

/// A fact whose content is a number.
pub(crate) fn numbered(number: u64) -> Event {
    let custom = Custom {
        kind: "number".into(),
        data: number.into(),
    };
    fact(Fact::Custom(custom), NOW_MS)
}

/// The number of a fact made by [`numbered`].
pub(crate) fn number_of(event: &Event) -> u64 {
    match &event.fact {
        Fact::Custom(custom) => custom.data.as_u64().unwrap(),
        other => panic!("not a numbered fact: {other:?}"),
    }
}

pub(crate) fn event(session: &str, revision: u64, event: Event) -> Write {
    Write::Event {
        session: id(session),
        revision,
        event,
    }
}

pub(crate) fn phase(word: &str) -> Event {
    let phase = PhaseReported {
        phase: Some(word.into()),
        ..PhaseReported::default()
    };
    fact(Fact::PhaseReported(phase), NOW_MS)
}

pub(crate) fn with_id(mut event: Event, id: &str) -> Event {
    event.id = Some(id.parse().unwrap());
    event
}

/// By what a fact with this id and without a subject is known.
pub(crate) fn key(id: &str) -> EventKey {
    EventKey::new(&id.parse().unwrap(), &Subject::default())
}

pub(crate) fn snapshot(session: &str, revision: u64, body: &str) -> Write {
    Write::Snapshot {
        session: id(session),
        revision,
        fold_version: FOLD,
        body: body.into(),
    }
}

pub(crate) fn row(session: &str, status: SessionStatus, last_work_ms: i64) -> SessionRow {
    SessionRow {
        id: id(session),
        name: session.into(),
        project: None,
        task: None,
        host: None,
        source: SourceOfState::Live,
        status,
        attention: None,
        activity: None,
        status_reason: None,
        waiting_for: None,
        stopped_by_error: false,
        phase: None,
        phases: std::collections::BTreeMap::new(),
        progress_percent: None,
        tasks: None,
        iteration: None,
        tests: None,
        usage: Some(RowUsage::default()),
        agents_active: 0,
        problems: 0,
        started_at: None,
        ended_at: None,
        last_work_at: Some(time(last_work_ms)),
    }
}

pub(crate) fn row_write(row: SessionRow) -> Write {
    Write::Row {
        session: row.id.clone(),
        revision: 1,
        row,
    }
}

pub(crate) fn line(offset: u64, level: Option<LogLevel>, text: &str) -> LogLine {
    LogLine {
        offset,
        at: time(NOW_MS),
        level,
        from: Some("build.log".into()),
        text: text.into(),
        spans: Vec::new(),
    }
}

pub(crate) fn lines(session: &str, offsets: std::ops::Range<u64>) -> Write {
    Write::Log {
        session: id(session),
        key: None,
        lines: offsets
            .map(|offset| line(offset, None, &format!("line {offset}")))
            .collect(),
    }
}

pub(crate) fn checkpoint(path: &str, offset: u64) -> Write {
    let checkpoint = SourceCheckpoint {
        identity: FileIdentity {
            device: u64::MAX,
            inode: 7,
            size: offset,
            mtime_ns: -1,
            ctime_ns: 5,
        },
        offset,
        digest: "ab".into(),
        state: format!("after {offset}"),
    };
    Write::Checkpoint(SourceKey(path.into()), checkpoint)
}

pub(crate) fn call(number: u64, keys: &[u64], body: &str) -> Write {
    Write::Call {
        number,
        keys: keys.to_vec(),
        body: body.into(),
    }
}

pub(crate) fn commit(writes: impl IntoIterator<Item = Write>) -> Commit {
    Commit {
        writes: writes.into_iter().collect(),
    }
}

/// Waits for a condition, for as long as a slow machine may need.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let limit = std::time::Duration::from_secs(60);
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(limit, waiting).await.is_ok(), "never: {what}");
}
