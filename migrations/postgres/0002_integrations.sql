-- Integrations: what is connected, the wizard's drafts, runs, sealed secrets, collectors.

CREATE TABLE integrations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    slug TEXT NOT NULL,
    provider TEXT NOT NULL,
    mode TEXT NOT NULL,
    name TEXT NOT NULL,
    -- JSON, by provider and mode. Never holds a secret.
    configuration TEXT NOT NULL,
    schedule TEXT,
    cadence_minutes BIGINT,
    -- Created and deleted with it; its events arrive through it.
    source_id BIGINT NOT NULL REFERENCES sources (id),
    external_id TEXT NOT NULL,
    -- The reason while it is paused.
    paused TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    deleted_at BIGINT,
    -- The latest test of the connection, JSON.
    last_test TEXT,
    -- Where the next pull goes on. Moves in the transaction that stores what was pulled.
    cursor TEXT,
    next_run_at BIGINT,
    -- Who asked for the next run, when it was not the schedule.
    asked_by TEXT,
    owner TEXT,
    fence BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    errors_in_row BIGINT NOT NULL,
    last_ok_at BIGINT,
    last_error TEXT,
    -- The latest request that was refused: when and why.
    refused_at BIGINT,
    refused_why TEXT
);
CREATE UNIQUE INDEX integrations_slug ON integrations (tenant_id, slug) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX integrations_source ON integrations (tenant_id, source_id);
CREATE INDEX integrations_due ON integrations (next_run_at)
    WHERE next_run_at IS NOT NULL AND deleted_at IS NULL;

-- A wizard's answers, as typed, until the integration is created.
CREATE TABLE integration_drafts (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    code TEXT NOT NULL,
    -- The first step that is not answered yet.
    step BIGINT NOT NULL,
    fields TEXT NOT NULL,
    external_id TEXT NOT NULL,
    last_test TEXT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, code)
);

CREATE TABLE integration_runs (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    integration_id BIGINT NOT NULL REFERENCES integrations (id),
    number BIGINT NOT NULL,
    -- The schedule, or the person who asked.
    cause TEXT NOT NULL,
    outcome TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    attempts BIGINT NOT NULL,
    fetched BIGINT NOT NULL,
    stored BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    cursor_before TEXT,
    cursor_after TEXT,
    error TEXT,
    remedy TEXT,
    next_run_at BIGINT,
    PRIMARY KEY (tenant_id, integration_id, number)
);

-- Secrets, each encrypted under a named key and bound to its tenant and row.
CREATE TABLE sealed_secrets (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    -- What it belongs to: integration or draft, with the id or code of that row.
    owner TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    field TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    -- The last characters of a long secret, so that people can tell which one it is.
    hint TEXT NOT NULL,
    sealed_at BIGINT NOT NULL,
    -- After a rotation the old secret stays valid until then.
    valid_until BIGINT,
    PRIMARY KEY (tenant_id, owner, owner_id, field)
);
CREATE INDEX sealed_secrets_key ON sealed_secrets (key_id);

-- Whoever listens for an integration: the service itself or an edge collector. Counters since start.
CREATE TABLE collector_instances (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    integration_id BIGINT NOT NULL REFERENCES integrations (id),
    instance TEXT NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    last_beat_at BIGINT NOT NULL,
    received BIGINT NOT NULL,
    parsed BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    dropped BIGINT NOT NULL,
    kernel_dropped BIGINT NOT NULL,
    buffered BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, integration_id, instance)
);
