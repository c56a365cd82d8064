-- The calibrated grading: what it remembers, what it closed, and receipts. Same tables and columns
-- as migrations/postgres/0003_calibrated.sql.

-- What an alert's score was made by. Alerts of one rule set are never continued by another.
ALTER TABLE alerts ADD COLUMN ruleset TEXT NOT NULL DEFAULT 'classic';

-- One organisation's tables after its last closed day, and before it.
CREATE TABLE calibrated_organisations (
    tenant_id INTEGER PRIMARY KEY REFERENCES tenants (id),
    -- Counts up with every write, so that two writers never overwrite each other.
    revision INTEGER NOT NULL,
    -- Last closed UTC day; null before the first.
    closed INTEGER,
    state BLOB NOT NULL,
    -- As it was before that day was closed: events that come late reopen it.
    before BLOB,
    -- While events are derived again: alerts open from this day on. Null otherwise.
    rebuilding_from INTEGER,
    -- Events that came after their day was closed for good and are not derived yet.
    late INTEGER NOT NULL,
    late_from INTEGER,
    rebuilt_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- One actor's past after its last closed day, and before it.
CREATE TABLE calibrated_states (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    actor_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    day INTEGER NOT NULL,
    state BLOB NOT NULL,
    before BLOB,
    PRIMARY KEY (tenant_id, actor_id)
) STRICT;
CREATE INDEX calibrated_states_day ON calibrated_states (tenant_id, day);

-- What each closed day came to: how many were judged, and how well they could be.
CREATE TABLE calibrated_days (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    day INTEGER NOT NULL,
    actors INTEGER NOT NULL,
    judged INTEGER NOT NULL,
    alerted INTEGER NOT NULL,
    without_habits INTEGER NOT NULL,
    young INTEGER NOT NULL,
    silent TEXT NOT NULL,
    late INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day)
) STRICT;

-- What the grading of an alert was computed from, and the hash of its canonical form.
CREATE TABLE alert_receipts (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    inputs BLOB,
    reference TEXT,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (tenant_id, alert_id)
) STRICT;

-- The organisation's numbers that receipts refer to, by the hash of their bytes.
CREATE TABLE calibrated_references (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    hash TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (tenant_id, hash)
) STRICT;
