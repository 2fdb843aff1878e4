-- Who is told by which ways: of a receiver's ways the next is tried when the one before it fails or takes too long.

CREATE TABLE outbox_with_chains(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident_id INTEGER NOT NULL REFERENCES incidents(id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    recipient TEXT NOT NULL DEFAULT '',
    key TEXT NOT NULL,
    chain INTEGER,
    place INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'given_up', 'spared')),
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    leased_until INTEGER NOT NULL DEFAULT 0,
    done_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    body TEXT NOT NULL,
    UNIQUE(channel, key)
) STRICT;

INSERT INTO outbox_with_chains(id, incident_id, channel, key, chain, state, created_at, due_at, leased_until, done_at, tries, error, body)
SELECT id, incident_id, channel, key, id, state, created_at, due_at, leased_until, done_at, tries, error, body FROM outbox;

DROP TABLE outbox;
ALTER TABLE outbox_with_chains RENAME TO outbox;

CREATE INDEX outbox_waiting ON outbox(id) WHERE state = 'waiting';
CREATE INDEX outbox_of_incident ON outbox(incident_id, id);
CREATE INDEX outbox_of_chain ON outbox(chain, place);

-- When an incident that nobody has taken on is told on.

CREATE TABLE escalations(
    incident_id INTEGER PRIMARY KEY REFERENCES incidents(id) ON DELETE CASCADE,
    due_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX escalations_by_time ON escalations(due_at);

-- Codes by which a receiver takes an incident on; of each only its digest, so that who reads this file learns none.

CREATE TABLE take_codes(
    digest BLOB PRIMARY KEY,
    incident_id INTEGER NOT NULL REFERENCES incidents(id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

-- Swaps and other changes of whose turn it is, and what one shift tells the next.

CREATE TABLE rota_overrides(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rota TEXT NOT NULL,
    until_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE handovers(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rota TEXT NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
