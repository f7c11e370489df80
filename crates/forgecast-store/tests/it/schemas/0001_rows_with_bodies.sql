-- Times are milliseconds since the Unix epoch. Facts, rows and runs are JSON as the protocol writes it.

-- What is true of the whole database: epoch, clean, fold_version.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,  -- what other tables refer to; never reused
    id            TEXT    NOT NULL UNIQUE,            -- weather-app~1
    name          TEXT    NOT NULL,
    directory     TEXT,
    named         INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    revision      INTEGER NOT NULL DEFAULT 0,         -- newest
    events        INTEGER NOT NULL DEFAULT 0,         -- facts ever stored, removed ones included
    pruned_to     INTEGER NOT NULL DEFAULT 0,         -- sequence of the newest fact that was removed
    log_first     INTEGER NOT NULL DEFAULT 0,         -- number of the oldest kept line
    log_next      INTEGER NOT NULL DEFAULT 0          -- number of the next line
) STRICT;

-- The newest index row of each session. The columns beside `body` are what the overview filters and sorts by.
CREATE TABLE rows (
    session      INTEGER PRIMARY KEY REFERENCES sessions (number) ON DELETE CASCADE,
    revision     INTEGER NOT NULL,
    status       TEXT    NOT NULL,
    active       INTEGER NOT NULL,
    project      TEXT,
    last_work_at INTEGER NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    tokens       INTEGER NOT NULL,
    cost_usd     REAL    NOT NULL,
    name_key     TEXT    NOT NULL,                    -- lower case
    search       TEXT    NOT NULL,                    -- lower case
    body         TEXT    NOT NULL
) STRICT;
CREATE INDEX rows_by_last_work ON rows (last_work_at, session);

CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    session  INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    event_id TEXT,                                    -- the producer's; the same id twice is the same fact
    body     TEXT    NOT NULL
) STRICT;
CREATE INDEX events_of_session ON events (session);
CREATE UNIQUE INDEX events_by_id ON events (event_id) WHERE event_id IS NOT NULL;
-- For the series, which would else read every fact of a session.
CREATE INDEX events_usage ON events (session) WHERE kind = 'usage_recorded';
CREATE INDEX events_tests ON events (session) WHERE kind = 'tests_reported';
CREATE INDEX events_phase ON events (session) WHERE kind = 'phase_reported';

CREATE TABLE snapshots (
    session      INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
    revision     INTEGER NOT NULL,
    sequence     INTEGER NOT NULL,                    -- the newest fact that is in it
    events       INTEGER NOT NULL,                    -- how many facts are in it
    keyframe     INTEGER NOT NULL,                    -- kept when a newer one comes
    fold_version INTEGER NOT NULL,
    body         BLOB    NOT NULL,
    PRIMARY KEY (session, revision)
) STRICT;

CREATE TABLE sources (
    path     TEXT PRIMARY KEY,
    device   INTEGER NOT NULL,                        -- device, inode and size: the bits of an unsigned number
    inode    INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    offset   INTEGER NOT NULL,
    digest   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE log_lines (
    session INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
    offset  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    level   INTEGER,                                  -- 0 debug, 1 info, 2 warn, 3 error
    origin  TEXT,
    text    TEXT    NOT NULL,
    spans   TEXT,
    PRIMARY KEY (session, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    session  INTEGER PRIMARY KEY REFERENCES sessions (number) ON DELETE CASCADE,
    project  TEXT,
    ended_at INTEGER NOT NULL,
    body     TEXT    NOT NULL
) STRICT;
CREATE INDEX runs_by_end ON runs (ended_at);
