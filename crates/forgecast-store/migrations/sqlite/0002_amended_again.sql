-- For databases that were written while nothing was summed up for each owner.
CREATE TABLE usage_totals (
    owner        INTEGER NOT NULL REFERENCES usage_owners (number) ON DELETE CASCADE,
    model        TEXT    NOT NULL,
    input        INTEGER NOT NULL,
    output       INTEGER NOT NULL,
    cache_read   INTEGER NOT NULL,
    cache_write  INTEGER NOT NULL,
    cost_nanos   INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (owner, model)
) STRICT, WITHOUT ROWID;
INSERT INTO usage_totals
    SELECT owner, model, sum(max(input, 0)), sum(max(output, 0)), sum(max(cache_read, 0)), sum(max(cache_write, 0)),
        sum(max(cost_nanos, 0)), sum(max(calls, 0)), sum(max(unpriced, 0)), max(last_used_at)
    FROM usage GROUP BY 1, 2;
