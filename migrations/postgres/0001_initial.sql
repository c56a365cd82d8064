-- The first schema. Same tables and columns as migrations/sqlite/0001_initial.sql.
--
-- Times are microseconds since the epoch, minutes are minutes since the epoch, days are days
-- since the epoch, points are tenths of a point. Every table that holds an organisation's data
-- carries its tenant.

CREATE TABLE tenants (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    ruleset TEXT NOT NULL,
    alert_threshold BIGINT NOT NULL,
    alert_rate DOUBLE PRECISION NOT NULL,
    retention_days BIGINT NOT NULL,
    demo BOOLEAN NOT NULL,
    next_alert BIGINT NOT NULL,
    -- Counts up with every change of rules or settings, so that the worker notices.
    criteria_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email TEXT NOT NULL,
    -- Folded address: one account per address whatever its case.
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    must_change_password BOOLEAN NOT NULL,
    disabled BOOLEAN NOT NULL,
    theme TEXT NOT NULL,
    density TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT
);

CREATE TABLE memberships (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE sessions (
    id_hash BYTEA PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    csrf TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    ip TEXT,
    user_agent TEXT
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE tokens (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    public_id TEXT NOT NULL UNIQUE,
    secret_hash BYTEA NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

-- One row while the installation waits for its first administrator.
CREATE TABLE setup (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    code_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE sources (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    retention_days BIGINT,
    rate_limit BIGINT NOT NULL,
    redaction TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX sources_slug ON sources (tenant_id, slug) WHERE deleted_at IS NULL;

CREATE TABLE api_keys (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    source_id BIGINT NOT NULL REFERENCES sources (id),
    public_id TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    -- After a rotation the old key stays valid until then.
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_keys_source ON api_keys (tenant_id, source_id);

CREATE TABLE actors (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    id BIGINT NOT NULL,
    part BIGINT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    last_received_at BIGINT NOT NULL,
    -- The score now, falling as windows empty; and the highest of its last active day.
    score BIGINT NOT NULL,
    score_at BIGINT NOT NULL,
    reasons TEXT NOT NULL,
    baseline_days BIGINT NOT NULL,
    baseline TEXT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX actors_score ON actors (tenant_id, score DESC, id);

-- The log. seq is the tail position on SQLite; PostgreSQL adds the writing transaction, because
-- sequence numbers become visible out of order. No other table refers to it: alerts carry copies.
CREATE TABLE events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    part BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    outcome_word TEXT,
    resource TEXT,
    resource_id TEXT,
    ip TEXT,
    user_agent TEXT,
    bytes BIGINT,
    severity TEXT,
    host TEXT,
    app TEXT,
    attributes TEXT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX events_tail ON events (tx, seq);
CREATE INDEX events_actor ON events (tenant_id, actor_id, occurred_at);

CREATE TABLE quarantine (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    id BYTEA NOT NULL,
    source_id BIGINT NOT NULL REFERENCES sources (id),
    event TEXT NOT NULL,
    reason TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX quarantine_state ON quarantine (tenant_id, state, received_at);

CREATE TABLE profiles (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    actor_id BIGINT NOT NULL,
    part BIGINT NOT NULL,
    zone TEXT NOT NULL,
    newest BIGINT NOT NULL,
    -- The minute at which the score can fall without new events; null when it is zero.
    due BIGINT,
    state BYTEA NOT NULL,
    -- Points by rule of the newest minute, to tell whether the next one differs.
    points TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    baseline_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, actor_id)
);
CREATE INDEX profiles_due ON profiles (due) WHERE due IS NOT NULL;
CREATE INDEX profiles_updated ON profiles (updated_at);

-- One row for every scored minute at which the points changed.
CREATE TABLE scores (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    actor_id BIGINT NOT NULL,
    minute BIGINT NOT NULL,
    part BIGINT NOT NULL,
    score BIGINT NOT NULL,
    assessment TEXT NOT NULL,
    -- Why it was scored: in order, or again because of a late event.
    cause TEXT NOT NULL,
    scored_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, minute)
);

-- The highest score of every active UTC day of an actor.
CREATE TABLE score_days (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    day BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    part BIGINT NOT NULL,
    score BIGINT NOT NULL,
    minute BIGINT NOT NULL,
    alerted BOOLEAN NOT NULL,
    scored_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, day, actor_id)
);
CREATE INDEX score_days_actor ON score_days (tenant_id, actor_id, day);

-- Days left out of an actor's baseline.
CREATE TABLE excluded_days (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    actor_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    alert_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, day, alert_id)
);

-- Written by the scorer, so that the overview never scans events.
CREATE TABLE source_hours (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    hour BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    events BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    last_occurred_at BIGINT NOT NULL,
    last_received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hour, source_id)
);
CREATE INDEX source_hours_source ON source_hours (tenant_id, source_id, hour);

CREATE TABLE alerts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    number BIGINT NOT NULL,
    part BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    opened_minute BIGINT NOT NULL,
    last_signal_minute BIGINT NOT NULL,
    detected_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    closed_at BIGINT,
    score BIGINT NOT NULL,
    severity BIGINT NOT NULL,
    status TEXT NOT NULL,
    version BIGINT NOT NULL,
    disposition TEXT,
    reason TEXT,
    decided_by TEXT,
    rules TEXT NOT NULL,
    sentence TEXT NOT NULL,
    reasons TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    UNIQUE (tenant_id, number),
    UNIQUE (tenant_id, actor_id, opened_minute)
);
CREATE INDEX alerts_order ON alerts (tenant_id, opened_minute DESC, id DESC);
CREATE INDEX alerts_status ON alerts (tenant_id, status, severity DESC, score DESC, id DESC);

-- Frozen copies of the events behind an alert: they survive retention.
CREATE TABLE alert_evidence (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    alert_id BIGINT NOT NULL REFERENCES alerts (id),
    event_id BYTEA NOT NULL,
    occurred_at BIGINT NOT NULL,
    rules TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (tenant_id, alert_id, event_id)
);
CREATE INDEX alert_evidence_event ON alert_evidence (tenant_id, event_id);

CREATE TABLE alert_history (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    alert_id BIGINT NOT NULL REFERENCES alerts (id),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX alert_history_alert ON alert_history (tenant_id, alert_id, id);

CREATE TABLE rules (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL,
    version BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    weight BIGINT NOT NULL,
    threshold DOUBLE PRECISION NOT NULL,
    window_minutes BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    -- Every version stays; the highest is in force.
    PRIMARY KEY (tenant_id, key, version)
);

CREATE TABLE audit (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    via TEXT NOT NULL,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT,
    after TEXT,
    request_id TEXT NOT NULL,
    ip TEXT
);
CREATE INDEX audit_tenant ON audit (tenant_id, seq DESC);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();

-- The timetable: what runs when, who holds it, how it went.
CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    next_run_at BIGINT NOT NULL,
    owner TEXT,
    fence BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    outcome TEXT,
    message TEXT
);

-- One share of the scoring work each: who scores it, under which fence, how far.
CREATE TABLE partitions (
    part BIGINT PRIMARY KEY,
    owner TEXT,
    fence BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    hi BIGINT NOT NULL,
    lo BIGINT NOT NULL
);
INSERT INTO partitions (part, owner, fence, lease_until, epoch, hi, lo)
SELECT part, NULL, 0, 0, 1, 0, 0 FROM generate_series(0, 63) AS part;
