-- readable_since: 10
--
-- One row that is written for no other purpose than to prove that writing works.

-- +goose Up
CREATE TABLE readiness (
    one INTEGER PRIMARY KEY,
    at  BIGINT NOT NULL
);

-- +goose Down
DROP TABLE readiness;
