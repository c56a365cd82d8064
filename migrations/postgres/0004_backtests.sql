-- Backtests of drafts. Same tables and columns as migrations/sqlite/0004_backtests.sql.

CREATE TABLE backtests (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    -- Counts up within the tenant.
    number BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- Days looked back over.
    days BIGINT NOT NULL,
    -- Settings that were in force when it was asked for, and the draft of them, as JSON.
    live TEXT NOT NULL,
    draft TEXT NOT NULL,
    -- Thousandths of the stored days that are replayed.
    progress BIGINT NOT NULL,
    -- 1 once somebody wants it stopped.
    cancelling BIGINT NOT NULL,
    -- As JSON, once done.
    report TEXT,
    error TEXT,
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    owner TEXT,
    -- Counts up with every worker that takes it.
    fence BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, number)
);
CREATE INDEX backtests_pending ON backtests (state, lease_until);
