-- readable_since: 16
--
-- The oldest schema version whose program can use this database. Programs write
-- it; the greatest readable_since of all migrations is its value.

-- +goose Up
CREATE TABLE schema_readable (
    one   INTEGER PRIMARY KEY,
    since BIGINT NOT NULL
);
INSERT INTO schema_readable (one, since) VALUES (1, 16);

-- +goose Down
DROP TABLE schema_readable;
