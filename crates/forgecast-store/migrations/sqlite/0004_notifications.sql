-- Messages that call a person, as the protocol writes them: what waits to be sent, and what became of the others.
CREATE TABLE notifications (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,     -- the order in which they were made
    id         TEXT    NOT NULL UNIQUE,
    state      TEXT    NOT NULL,                      -- waiting, delivered, dead, obsolete
    settled_at INTEGER,                               -- when the state became final
    body       TEXT    NOT NULL
) STRICT;
CREATE INDEX notifications_by_state ON notifications (state, sequence);

-- What whoever sends them has to remember, by a key of its own: which attention was called for, silences, disabled targets.
CREATE TABLE notifier (
    key  TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
