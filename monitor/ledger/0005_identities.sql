-- What each device says it is: model, firmware, serial number, name; as it is now, and as it was at first.

CREATE TABLE identities(
    device TEXT NOT NULL,
    fact TEXT NOT NULL,
    value TEXT NOT NULL,
    since INTEGER NOT NULL,
    first TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    PRIMARY KEY (device, fact)
) STRICT, WITHOUT ROWID;
