-- readable_since: 16
--
-- Why the password of an account should be changed, as a code; empty if it should
-- not. Each sign-in finds it out anew. The version before this one does not know the
-- column: after it has changed a password, the next sign-in corrects the code.

-- +goose Up
ALTER TABLE accounts ADD COLUMN password_advice TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE accounts DROP COLUMN password_advice;
