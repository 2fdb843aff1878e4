-- Which running service may tell people. Each that takes the ledger over has a higher epoch; a lower one is refused.

CREATE TABLE leader(
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL,
    since INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

-- When no service ran that judged: nothing is known of these times.

CREATE TABLE absences(
    id INTEGER PRIMARY KEY,
    gone_at INTEGER NOT NULL,
    back_at INTEGER NOT NULL
) STRICT;
CREATE INDEX absences_by_end ON absences(back_at);
