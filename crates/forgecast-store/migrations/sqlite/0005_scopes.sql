-- An id that a producer gives counts within the session and the folder that the producer named: their names, with a line feed
-- between them. Ids that are worked out from a whole message count everywhere.
ALTER TABLE events ADD COLUMN id_scope TEXT;
UPDATE events SET id_scope = CASE
    WHEN event_id LIKE 'b:%' THEN ''
    ELSE coalesce(
        substr(body ->> '$.subject.session', 1, instr((body ->> '$.subject.session') || '~', '~') - 1),
        body ->> '$.subject.name', '') || char(10) || coalesce(body ->> '$.subject.directory', '')
    END
WHERE event_id IS NOT NULL;
DROP INDEX events_by_id;
CREATE UNIQUE INDEX events_by_id ON events (event_id, id_scope) WHERE event_id IS NOT NULL;

-- Of those that are stored it is not known what their producers named: NULL.
ALTER TABLE log_lines ADD COLUMN id_scope TEXT;
DROP INDEX log_lines_by_id;
CREATE INDEX log_lines_by_id ON log_lines (event_id, id_scope) WHERE event_id IS NOT NULL;

-- The newest run that there ever was of a name of which sessions were removed, so that no id is used again.
CREATE TABLE names (
    name   TEXT PRIMARY KEY,
    newest INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Until now such sessions stayed as rows without any fact.
INSERT INTO names
    SELECT substr(id, 1, instr(id, '~') - 1), max(CAST(substr(id, instr(id, '~') + 1) AS INTEGER))
    FROM sessions WHERE revision = 0 AND events = 0 AND log_next = 0 GROUP BY 1;
DELETE FROM sessions WHERE revision = 0 AND events = 0 AND log_next = 0;

-- Who pushed a session first; absent when it was read from files.
ALTER TABLE sessions ADD COLUMN pushed_by TEXT;
