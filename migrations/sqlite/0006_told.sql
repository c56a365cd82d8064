-- What people tell the scorer: about actors, about words, and about days that teach nothing. Same
-- tables and columns as migrations/postgres/0006_told.sql.

-- What a file said about an actor, in force from a UTC day on until a later row. An actor need not
-- have been seen yet: the id is that of its folded name.
CREATE TABLE actor_facts (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    actor_id INTEGER NOT NULL,
    since INTEGER NOT NULL,
    key TEXT NOT NULL,
    name TEXT,
    kind TEXT,
    zone TEXT,
    -- The value of the attribute that makes the group of peers.
    peer_group TEXT,
    -- JSON object of texts.
    attributes TEXT NOT NULL,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, since)
) STRICT;

-- A tenant's own words and the classes they mean, in force from a UTC day on until a later row.
CREATE TABLE action_words (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    since INTEGER NOT NULL,
    words TEXT NOT NULL,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, since)
) STRICT;

-- Words of actions that no class was found for, by UTC day of the event. Written by the scorer.
CREATE TABLE unclassified_actions (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    day INTEGER NOT NULL,
    word TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, word)
) STRICT;

-- Days that an analyst left out of an actor's baseline.
CREATE TABLE actor_excluded_days (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    actor_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    reason TEXT NOT NULL,
    who TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, day)
) STRICT;

-- Set when a closed day was left out or taken back: everything is derived again.
ALTER TABLE calibrated_organisations ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
