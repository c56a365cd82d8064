-- Suppressions and what they hid. Same tables and columns as
-- migrations/sqlite/0005_suppressions.sql.

-- Points that do not count for a while. Rows stay: judging old minutes again needs them.
CREATE TABLE suppressions (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    number BIGINT NOT NULL,
    -- Null for everybody.
    actor_id BIGINT,
    -- A rule or a family of rules.
    rule TEXT NOT NULL,
    -- address, resource or source; null for any event.
    attribute TEXT,
    value TEXT,
    source_id BIGINT,
    reason TEXT NOT NULL,
    owner TEXT NOT NULL,
    -- Number of the alert it was made from.
    alert BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_by TEXT,
    PRIMARY KEY (tenant_id, number)
);

-- What a suppression hid of an actor on a UTC day: the most points, and whether the score would
-- have reached the alert threshold with them.
CREATE TABLE suppression_hits (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    number BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    points BIGINT NOT NULL,
    alert_hidden BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, number, actor_id, day)
);
CREATE INDEX suppression_hits_actor ON suppression_hits (tenant_id, actor_id, day);
