-- Incidents of which an operator says that there was nothing.

CREATE TABLE false_alarms(
    incident_id INTEGER PRIMARY KEY REFERENCES incidents(id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;
