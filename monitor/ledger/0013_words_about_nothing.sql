-- Messages about no incident, such as the word each morning, belong to number 0, which is in no list.

INSERT INTO incidents(id, rule, device, check_name, subject, site, kind, status, resolved_at, body) VALUES (
    0, '', '', '', '', '', 'none', 'none', 221845392000000,
    '{"id":0,"key":{"rule":"","device":""},"kind":"incident","severity":"low","status":"resolved","summary":{"vi":"","en":""},"evidence":"","opened_at":"1970-01-01T00:00:00Z","changed_at":"1970-01-01T00:00:00Z","resolved_at":"1970-01-01T00:00:00Z"}'
);

CREATE INDEX incidents_by_opening ON incidents(json_extract(body, '$.opened_at'));
