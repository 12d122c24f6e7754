-- readable_since: 16
--
-- What package guard has counted, so that a restart frees no budget. Times are those of
-- the steady clock, and failed counts thousandths of an attempt. The version before this
-- one does not know the table.

-- +goose Up
CREATE TABLE guard_budgets (
    name      TEXT PRIMARY KEY,
    failed    BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    burst     BIGINT NOT NULL,
    every     BIGINT NOT NULL,
    first     BIGINT NOT NULL,
    most      BIGINT NOT NULL,
    forget_at BIGINT NOT NULL
);
CREATE INDEX guard_budgets_forget_at ON guard_budgets (forget_at);

-- +goose Down
DROP TABLE guard_budgets;
