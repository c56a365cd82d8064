-- Suppressions and what they hid. Same tables and columns as
-- migrations/postgres/0005_suppressions.sql.

-- Points that do not count for a while. Rows stay: judging old minutes again needs them.
CREATE TABLE suppressions (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    number INTEGER NOT NULL,
    -- Null for everybody.
    actor_id INTEGER,
    -- A rule or a family of rules.
    rule TEXT NOT NULL,
    -- address, resource or source; null for any event.
    attribute TEXT,
    value TEXT,
    source_id INTEGER,
    reason TEXT NOT NULL,
    owner TEXT NOT NULL,
    -- Number of the alert it was made from.
    alert INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_by TEXT,
    PRIMARY KEY (tenant_id, number)
) STRICT;

-- What a suppression hid of an actor on a UTC day: the most points, and whether the score would
-- have reached the alert threshold with them.
CREATE TABLE suppression_hits (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    number INTEGER NOT NULL,
    actor_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    points INTEGER NOT NULL,
    alert_hidden INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, number, actor_id, day)
) STRICT;
CREATE INDEX suppression_hits_actor ON suppression_hits (tenant_id, actor_id, day);
