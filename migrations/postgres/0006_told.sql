-- What people tell the scorer: about actors, about words, and about days that teach nothing. Same
-- tables and columns as migrations/sqlite/0006_told.sql.

-- What a file said about an actor, in force from a UTC day on until a later row. An actor need not
-- have been seen yet: the id is that of its folded name.
CREATE TABLE actor_facts (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    actor_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    key TEXT NOT NULL,
    name TEXT,
    kind TEXT,
    zone TEXT,
    -- The value of the attribute that makes the group of peers.
    peer_group TEXT,
    -- JSON object of texts.
    attributes TEXT NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, since)
);

-- A tenant's own words and the classes they mean, in force from a UTC day on until a later row.
CREATE TABLE action_words (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    since BIGINT NOT NULL,
    words TEXT NOT NULL,
    told_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, since)
);

-- Words of actions that no class was found for, by UTC day of the event. Written by the scorer.
CREATE TABLE unclassified_actions (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    day BIGINT NOT NULL,
    word TEXT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day, word)
);

-- Days that an analyst left out of an actor's baseline.
CREATE TABLE actor_excluded_days (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    actor_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, day)
);

-- Set when a closed day was left out or taken back: everything is derived again.
ALTER TABLE calibrated_organisations ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
