-- The calibrated grading: what it remembers, what it closed, and receipts. Same tables and columns
-- as migrations/sqlite/0003_calibrated.sql.

-- What an alert's score was made by. Alerts of one rule set are never continued by another.
ALTER TABLE alerts ADD COLUMN ruleset TEXT NOT NULL DEFAULT 'classic';

-- One organisation's tables after its last closed day, and before it.
CREATE TABLE calibrated_organisations (
    tenant_id BIGINT PRIMARY KEY REFERENCES tenants (id),
    -- Counts up with every write, so that two writers never overwrite each other.
    revision BIGINT NOT NULL,
    -- Last closed UTC day; null before the first.
    closed BIGINT,
    state BYTEA NOT NULL,
    -- As it was before that day was closed: events that come late reopen it.
    before BYTEA,
    -- While events are derived again: alerts open from this day on. Null otherwise.
    rebuilding_from BIGINT,
    -- Events that came after their day was closed for good and are not derived yet.
    late BIGINT NOT NULL,
    late_from BIGINT,
    rebuilt_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- One actor's past after its last closed day, and before it.
CREATE TABLE calibrated_states (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    actor_id BIGINT NOT NULL,
    part BIGINT NOT NULL,
    day BIGINT NOT NULL,
    state BYTEA NOT NULL,
    before BYTEA,
    PRIMARY KEY (tenant_id, actor_id)
);
CREATE INDEX calibrated_states_day ON calibrated_states (tenant_id, day);

-- What each closed day came to: how many were judged, and how well they could be.
CREATE TABLE calibrated_days (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    day BIGINT NOT NULL,
    actors BIGINT NOT NULL,
    judged BIGINT NOT NULL,
    alerted BIGINT NOT NULL,
    without_habits BIGINT NOT NULL,
    young BIGINT NOT NULL,
    silent TEXT NOT NULL,
    late BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day)
);

-- What the grading of an alert was computed from, and the hash of its canonical form.
CREATE TABLE alert_receipts (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    alert_id BIGINT NOT NULL REFERENCES alerts (id),
    inputs BYTEA,
    reference TEXT,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (tenant_id, alert_id)
);

-- The organisation's numbers that receipts refer to, by the hash of their bytes.
CREATE TABLE calibrated_references (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    hash TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
