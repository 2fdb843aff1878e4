-- Times are integer milliseconds since 1970 UTC; `body` is the whole struct as JSON, columns are what is asked for.

CREATE TABLE incidents(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rule TEXT NOT NULL,
    device TEXT NOT NULL,
    check_name TEXT NOT NULL,
    subject TEXT NOT NULL,
    site TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    resolved_at INTEGER,
    body TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX one_open_incident ON incidents(rule, device, check_name, subject) WHERE resolved_at IS NULL;
CREATE INDEX incidents_by_device ON incidents(device, id);
CREATE INDEX incidents_by_site ON incidents(site, id);

CREATE TABLE timeline(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id INTEGER NOT NULL REFERENCES incidents(id) ON DELETE CASCADE,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX timeline_of_incident ON timeline(incident_id, id);

CREATE TABLE outbox(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id INTEGER NOT NULL REFERENCES incidents(id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'given_up')),
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    leased_until INTEGER NOT NULL DEFAULT 0,
    done_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    body TEXT NOT NULL,
    UNIQUE(channel, key)
) STRICT;

CREATE INDEX outbox_waiting ON outbox(id) WHERE state = 'waiting';
CREATE INDEX outbox_of_incident ON outbox(incident_id, id);

CREATE TABLE host_keys(
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'revoked')),
    seen_at INTEGER NOT NULL,
    decided_by TEXT NOT NULL DEFAULT '',
    decided_at INTEGER,
    PRIMARY KEY(device, address, port, key)
) STRICT;
