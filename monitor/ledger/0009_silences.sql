-- What is to be quiet by the word of whoever made it while the service ran. `until_at` is as it is now: extended, or ended.

CREATE TABLE silences(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    start_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX silences_by_end ON silences(until_at);
