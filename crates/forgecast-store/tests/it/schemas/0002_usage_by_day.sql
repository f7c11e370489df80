-- Calls to models and what they add up to. Days are counted from 1970-01-01 in the calendar of the machine.

-- What the decoder of a file that is appended to remembers of the lines it has taken.
ALTER TABLE sources ADD COLUMN state TEXT NOT NULL DEFAULT '';

-- One row per call, so that a call that is told again is known. What is in the body is the ledger's affair.
CREATE TABLE calls (
    sequence INTEGER PRIMARY KEY,                     -- in the order in which calls became known: new ones go to the end
    number   INTEGER NOT NULL UNIQUE,                 -- the bits of an unsigned number, spread over the whole range
    body     BLOB    NOT NULL
) STRICT;

-- By what else than its number a call is found. A key may lead to several calls, as one request may have several messages.
CREATE TABLE call_keys (
    key  INTEGER NOT NULL,                            -- the bits of an unsigned number
    call INTEGER NOT NULL REFERENCES calls (sequence) ON DELETE CASCADE,
    PRIMARY KEY (key, call)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_keys_of_call ON call_keys (call);

-- Whose usage it is: said once, not in each row. The session need not be stored: history outlives it.
CREATE TABLE usage_owners (
    number  INTEGER PRIMARY KEY,
    owner   TEXT NOT NULL,                            -- the agent's transcript, else the session
    session TEXT NOT NULL,                            -- weather-app~1
    project TEXT NOT NULL,                            -- '' for none, here and below
    UNIQUE (owner, session, project)
) STRICT;
CREATE INDEX usage_owners_by_session ON usage_owners (session);
CREATE INDEX usage_owners_by_project ON usage_owners (project);

-- Sums of differences. A row may be below zero (a session that was forgotten while its calls are still corrected); it
-- counts as nothing then. A row of zeros is removed.
CREATE TABLE usage (
    day          INTEGER NOT NULL,
    owner        INTEGER NOT NULL REFERENCES usage_owners (number) ON DELETE CASCADE,
    model        TEXT    NOT NULL,
    phase        TEXT    NOT NULL,
    input        INTEGER NOT NULL,
    output       INTEGER NOT NULL,
    cache_read   INTEGER NOT NULL,
    cache_write  INTEGER NOT NULL,
    cost_nanos   INTEGER NOT NULL,                    -- billionths of a US dollar
    calls        INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (day, owner, model, phase)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_of_owner ON usage (owner, day);

-- Which session an agent's transcript belongs to; gone with the session.
CREATE TABLE transcripts (
    id        TEXT    PRIMARY KEY,
    session   INTEGER NOT NULL REFERENCES sessions (number) ON DELETE CASCADE,
    directory TEXT                                    -- where the agent was started
) STRICT, WITHOUT ROWID;
CREATE INDEX transcripts_of_session ON transcripts (session);
