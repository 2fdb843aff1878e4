-- Which devices have ever answered anything, and when first.

CREATE TABLE answered(
    device TEXT PRIMARY KEY,
    first_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
