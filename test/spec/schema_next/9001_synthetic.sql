-- What a next version could add, for test/spec/upgrade.test.js: programs of this version go on.
-- serves: 4

ALTER TABLE client ADD COLUMN synthetic BIGINT NOT NULL DEFAULT 7;
ALTER TABLE token ADD COLUMN synthetic TEXT;
CREATE INDEX token_synthetic ON token (synthetic) WHERE synthetic IS NOT NULL;
