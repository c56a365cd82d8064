-- The first schema. Same tables and columns as migrations/postgres/0001_initial.sql, without events.tx.
--
-- Times are microseconds since the epoch, minutes are minutes since the epoch, days are days
-- since the epoch, points are tenths of a point. Every table that holds an organisation's data
-- carries its tenant.

CREATE TABLE tenants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    ruleset TEXT NOT NULL,
    alert_threshold INTEGER NOT NULL,
    alert_rate REAL NOT NULL,
    retention_days INTEGER NOT NULL,
    demo INTEGER NOT NULL,
    next_alert INTEGER NOT NULL,
    -- Counts up with every change of rules or settings, so that the worker notices.
    criteria_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL,
    -- Folded address: one account per address whatever its case.
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    must_change_password INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    theme TEXT NOT NULL,
    density TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_sign_in_at INTEGER
) STRICT;

CREATE TABLE memberships (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) STRICT;
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE sessions (
    id_hash BLOB PRIMARY KEY,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    csrf TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ip TEXT,
    user_agent TEXT
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    public_id TEXT NOT NULL UNIQUE,
    secret_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;

-- One row while the installation waits for its first administrator.
CREATE TABLE setup (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    code_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sources (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    retention_days INTEGER,
    rate_limit INTEGER NOT NULL,
    redaction TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX sources_slug ON sources (tenant_id, slug) WHERE deleted_at IS NULL;

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    source_id INTEGER NOT NULL REFERENCES sources (id),
    public_id TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    -- After a rotation the old key stays valid until then.
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX api_keys_source ON api_keys (tenant_id, source_id);

CREATE TABLE actors (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    last_received_at INTEGER NOT NULL,
    -- The score now, falling as windows empty; and the highest of its last active day.
    score INTEGER NOT NULL,
    score_at INTEGER NOT NULL,
    reasons TEXT NOT NULL,
    baseline_days INTEGER NOT NULL,
    baseline TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX actors_score ON actors (tenant_id, score DESC, id);

-- The log. seq is the tail position on SQLite; PostgreSQL adds the writing transaction, because
-- sequence numbers become visible out of order. No other table refers to it: alerts carry copies.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    part INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    actor_id INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    outcome_word TEXT,
    resource TEXT,
    resource_id TEXT,
    ip TEXT,
    user_agent TEXT,
    bytes INTEGER,
    severity TEXT,
    host TEXT,
    app TEXT,
    attributes TEXT,
    UNIQUE (tenant_id, id)
) STRICT;
CREATE INDEX events_actor ON events (tenant_id, actor_id, occurred_at);

CREATE TABLE quarantine (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    id BLOB NOT NULL,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    event TEXT NOT NULL,
    reason TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX quarantine_state ON quarantine (tenant_id, state, received_at);

CREATE TABLE profiles (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    actor_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    zone TEXT NOT NULL,
    newest INTEGER NOT NULL,
    -- The minute at which the score can fall without new events; null when it is zero.
    due INTEGER,
    state BLOB NOT NULL,
    -- Points by rule of the newest minute, to tell whether the next one differs.
    points TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    baseline_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, actor_id)
) STRICT;
CREATE INDEX profiles_due ON profiles (due) WHERE due IS NOT NULL;
CREATE INDEX profiles_updated ON profiles (updated_at);

-- One row for every scored minute at which the points changed.
CREATE TABLE scores (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    actor_id INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    part INTEGER NOT NULL,
    score INTEGER NOT NULL,
    assessment TEXT NOT NULL,
    -- Why it was scored: in order, or again because of a late event.
    cause TEXT NOT NULL,
    scored_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, minute)
) STRICT;

-- The highest score of every active UTC day of an actor.
CREATE TABLE score_days (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    day INTEGER NOT NULL,
    actor_id INTEGER NOT NULL,
    part INTEGER NOT NULL,
    score INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    alerted INTEGER NOT NULL,
    scored_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, actor_id)
) STRICT;
CREATE INDEX score_days_actor ON score_days (tenant_id, actor_id, day);

-- Days left out of an actor's baseline.
CREATE TABLE excluded_days (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    actor_id INTEGER NOT NULL,
    day INTEGER NOT NULL,
    alert_id INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, day, alert_id)
) STRICT;

-- Written by the scorer, so that the overview never scans events.
CREATE TABLE source_hours (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    hour INTEGER NOT NULL,
    source_id INTEGER NOT NULL,
    events INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    last_occurred_at INTEGER NOT NULL,
    last_received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, hour, source_id)
) STRICT;
CREATE INDEX source_hours_source ON source_hours (tenant_id, source_id, hour);

CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    number INTEGER NOT NULL,
    part INTEGER NOT NULL,
    actor_id INTEGER NOT NULL,
    opened_minute INTEGER NOT NULL,
    last_signal_minute INTEGER NOT NULL,
    detected_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    acknowledged_at INTEGER,
    closed_at INTEGER,
    score INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    disposition TEXT,
    reason TEXT,
    decided_by TEXT,
    rules TEXT NOT NULL,
    sentence TEXT NOT NULL,
    reasons TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    UNIQUE (tenant_id, number),
    UNIQUE (tenant_id, actor_id, opened_minute)
) STRICT;
CREATE INDEX alerts_order ON alerts (tenant_id, opened_minute DESC, id DESC);
CREATE INDEX alerts_status ON alerts (tenant_id, status, severity DESC, score DESC, id DESC);

-- Frozen copies of the events behind an alert: they survive retention.
CREATE TABLE alert_evidence (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    event_id BLOB NOT NULL,
    occurred_at INTEGER NOT NULL,
    rules TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (tenant_id, alert_id, event_id)
) STRICT;
CREATE INDEX alert_evidence_event ON alert_evidence (tenant_id, event_id);

CREATE TABLE alert_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    alert_id INTEGER NOT NULL REFERENCES alerts (id),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX alert_history_alert ON alert_history (tenant_id, alert_id, id);

CREATE TABLE rules (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    threshold REAL NOT NULL,
    window_minutes INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    -- Every version stays; the highest is in force.
    PRIMARY KEY (tenant_id, key, version)
) STRICT;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    via TEXT NOT NULL,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT,
    after TEXT,
    request_id TEXT NOT NULL,
    ip TEXT
) STRICT;
CREATE INDEX audit_tenant ON audit (tenant_id, seq DESC);

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- The timetable: what runs when, who holds it, how it went.
CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    next_run_at INTEGER NOT NULL,
    owner TEXT,
    fence INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    outcome TEXT,
    message TEXT
) STRICT;

-- One share of the scoring work each: who scores it, under which fence, how far.
CREATE TABLE partitions (
    part INTEGER PRIMARY KEY,
    owner TEXT,
    fence INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    hi INTEGER NOT NULL,
    lo INTEGER NOT NULL
) STRICT;
INSERT INTO partitions (part, owner, fence, lease_until, epoch, hi, lo)
WITH RECURSIVE parts (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts WHERE part < 63)
SELECT part, NULL, 0, 0, 1, 0, 0 FROM parts;
