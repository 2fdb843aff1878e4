-- What the inventory's files were, each time they were taken in. A file is kept once however many revisions have it.

CREATE TABLE inventory_contents(
    digest TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE inventory_revisions(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    author TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE inventory_changes(
    revision INTEGER NOT NULL REFERENCES inventory_revisions(id),
    path TEXT NOT NULL,
    step TEXT NOT NULL CHECK (step IN ('added', 'changed', 'removed')),
    digest TEXT REFERENCES inventory_contents(digest),
    PRIMARY KEY(revision, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX inventory_changes_of_path ON inventory_changes(path, revision);
