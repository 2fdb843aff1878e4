-- What people answered on each channel: remembered before it is acted on, so that nothing counts twice.

CREATE TABLE heard(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE(channel, name)
) STRICT;

CREATE INDEX outbox_by_receipt ON outbox(channel, receipt) WHERE receipt <> '';
