-- For databases that were written while `usage` was ordered by day and nothing was summed up beside it.
ALTER TABLE usage RENAME TO usage_by_day;
DROP INDEX usage_of_owner;
CREATE TABLE usage (
    owner        INTEGER NOT NULL REFERENCES usage_owners (number),
    day          INTEGER NOT NULL,
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
    PRIMARY KEY (owner, day, model, phase)
) STRICT, WITHOUT ROWID;
INSERT INTO usage
    SELECT owner, day, model, phase, input, output, cache_read, cache_write, cost_nanos, calls, unpriced, last_used_at
    FROM usage_by_day;
DROP TABLE usage_by_day;

CREATE TABLE usage_days (
    day          INTEGER NOT NULL,
    project      TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    phase        TEXT    NOT NULL,
    input        INTEGER NOT NULL,
    output       INTEGER NOT NULL,
    cache_read   INTEGER NOT NULL,
    cache_write  INTEGER NOT NULL,
    cost_nanos   INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (day, project, model, phase)
) STRICT, WITHOUT ROWID;
INSERT INTO usage_days
    SELECT day, project, model, phase, sum(max(input, 0)), sum(max(output, 0)), sum(max(cache_read, 0)),
        sum(max(cache_write, 0)), sum(max(cost_nanos, 0)), sum(max(calls, 0)), sum(max(unpriced, 0)), max(last_used_at)
    FROM usage u JOIN usage_owners o ON o.number = u.owner GROUP BY 1, 2, 3, 4;
