-- What is known of the windows of plans, by keys of the hub's: the readings of a window, and who used how much within some
-- minutes. What is in the body is the hub's affair.
CREATE TABLE limits (
    key  TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
