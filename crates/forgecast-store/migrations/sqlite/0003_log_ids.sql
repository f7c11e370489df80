-- What a message with log lines is known by, so that it counts once. The first of its lines has it.

ALTER TABLE log_lines ADD COLUMN event_id TEXT;
CREATE INDEX log_lines_by_id ON log_lines (event_id) WHERE event_id IS NOT NULL;
