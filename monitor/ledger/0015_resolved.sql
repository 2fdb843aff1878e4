-- What was resolved lately is asked for at each start, and by the figures of a day.

CREATE INDEX incidents_resolved ON incidents(resolved_at) WHERE resolved_at IS NOT NULL;
