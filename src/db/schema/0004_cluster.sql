-- What several nodes on one store need.
-- serves: 3

-- Programs that know at least this version may go on using the store as it is after that migration.
ALTER TABLE schema_version ADD COLUMN serves BIGINT NOT NULL DEFAULT 0;

-- Work that one node at a time does for all. Whoever finds until_s passed may take it.
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    holder $BLOB NOT NULL,
    until_s BIGINT NOT NULL
) $CLUSTERED;

-- Nodes poll for what was revoked lately.
CREATE INDEX grants_revoked ON grants (revoked_s, id);
