-- For databases that were written while the newest row of a session stood in `rows`.
ALTER TABLE sessions ADD COLUMN row TEXT;
UPDATE sessions SET row = (SELECT body FROM rows WHERE session = number);
ALTER TABLE rows DROP COLUMN body;
DROP INDEX rows_by_last_work;
CREATE INDEX rows_by_last_work ON rows (last_work_at, session, status, project);
