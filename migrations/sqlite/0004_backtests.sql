-- Backtests of drafts. Same tables and columns as migrations/postgres/0004_backtests.sql.

CREATE TABLE backtests (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    -- Counts up within the tenant.
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- Days looked back over.
    days INTEGER NOT NULL,
    -- Settings that were in force when it was asked for, and the draft of them, as JSON.
    live TEXT NOT NULL,
    draft TEXT NOT NULL,
    -- Thousandths of the stored days that are replayed.
    progress INTEGER NOT NULL,
    -- 1 once somebody wants it stopped.
    cancelling INTEGER NOT NULL,
    -- As JSON, once done.
    report TEXT,
    error TEXT,
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    owner TEXT,
    -- Counts up with every worker that takes it.
    fence INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, number)
) STRICT;
CREATE INDEX backtests_pending ON backtests (state, lease_until);
