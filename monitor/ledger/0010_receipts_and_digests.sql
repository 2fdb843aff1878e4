-- What a channel calls a message it took; which digest a message went in; how each channel does.

ALTER TABLE outbox ADD COLUMN receipt TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN digest INTEGER;  -- id of the row that tells it; of a digest itself, its own

CREATE INDEX outbox_of_digest ON outbox(digest) WHERE digest IS NOT NULL;
CREATE INDEX outbox_done ON outbox(channel, done_at) WHERE done_at IS NOT NULL;

CREATE TABLE channels(
    channel TEXT PRIMARY KEY,
    works INTEGER NOT NULL,
    since INTEGER NOT NULL,
    error TEXT NOT NULL DEFAULT '',
    error_at INTEGER,
    delivered_at INTEGER
) STRICT, WITHOUT ROWID;
