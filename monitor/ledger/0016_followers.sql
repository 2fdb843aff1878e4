-- How far each webhook for changes was told the timeline: the number of the last step that it took.

CREATE TABLE followers(
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;
