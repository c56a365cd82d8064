-- Integrations: what is connected, the wizard's drafts, runs, sealed secrets, collectors.

CREATE TABLE integrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    slug TEXT NOT NULL,
    provider TEXT NOT NULL,
    mode TEXT NOT NULL,
    name TEXT NOT NULL,
    -- JSON, by provider and mode. Never holds a secret.
    configuration TEXT NOT NULL,
    schedule TEXT,
    cadence_minutes INTEGER,
    -- Created and deleted with it; its events arrive through it.
    source_id INTEGER NOT NULL REFERENCES sources (id),
    external_id TEXT NOT NULL,
    -- The reason while it is paused.
    paused TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    deleted_at INTEGER,
    -- The latest test of the connection, JSON.
    last_test TEXT,
    -- Where the next pull goes on. Moves in the transaction that stores what was pulled.
    cursor TEXT,
    next_run_at INTEGER,
    -- Who asked for the next run, when it was not the schedule.
    asked_by TEXT,
    owner TEXT,
    fence INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    errors_in_row INTEGER NOT NULL,
    last_ok_at INTEGER,
    last_error TEXT,
    -- The latest request that was refused: when and why.
    refused_at INTEGER,
    refused_why TEXT
) STRICT;
CREATE UNIQUE INDEX integrations_slug ON integrations (tenant_id, slug) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX integrations_source ON integrations (tenant_id, source_id);
CREATE INDEX integrations_due ON integrations (next_run_at)
    WHERE next_run_at IS NOT NULL AND deleted_at IS NULL;

-- A wizard's answers, as typed, until the integration is created.
CREATE TABLE integration_drafts (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    code TEXT NOT NULL,
    -- The first step that is not answered yet.
    step INTEGER NOT NULL,
    fields TEXT NOT NULL,
    external_id TEXT NOT NULL,
    last_test TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, code)
) STRICT;

CREATE TABLE integration_runs (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    integration_id INTEGER NOT NULL REFERENCES integrations (id),
    number INTEGER NOT NULL,
    -- The schedule, or the person who asked.
    cause TEXT NOT NULL,
    outcome TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    attempts INTEGER NOT NULL,
    fetched INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    cursor_before TEXT,
    cursor_after TEXT,
    error TEXT,
    remedy TEXT,
    next_run_at INTEGER,
    PRIMARY KEY (tenant_id, integration_id, number)
) STRICT;

-- Secrets, each encrypted under a named key and bound to its tenant and row.
CREATE TABLE sealed_secrets (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    -- What it belongs to: integration or draft, with the id or code of that row.
    owner TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    field TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    -- The last characters of a long secret, so that people can tell which one it is.
    hint TEXT NOT NULL,
    sealed_at INTEGER NOT NULL,
    -- After a rotation the old secret stays valid until then.
    valid_until INTEGER,
    PRIMARY KEY (tenant_id, owner, owner_id, field)
) STRICT;
CREATE INDEX sealed_secrets_key ON sealed_secrets (key_id);

-- Whoever listens for an integration: the service itself or an edge collector. Counters since start.
CREATE TABLE collector_instances (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    integration_id INTEGER NOT NULL REFERENCES integrations (id),
    instance TEXT NOT NULL,
    kind TEXT NOT NULL,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    last_beat_at INTEGER NOT NULL,
    received INTEGER NOT NULL,
    parsed INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    kernel_dropped INTEGER NOT NULL,
    buffered INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, integration_id, instance)
) STRICT;
