-- Accounts, and what the registration of OAuth apps stores with a client.

-- Every organization has one account; id is the number of its AC sid. A token that is absent has
-- never been made. The one before the last lives until old_exp_s.
CREATE TABLE account (
    id $BLOB NOT NULL PRIMARY KEY,
    organization_id $BLOB NOT NULL,
    created_s BIGINT NOT NULL,
    pepper_id $BLOB,
    hash $BLOB,
    old_pepper_id $BLOB,
    old_hash $BLOB,
    old_exp_s BIGINT NOT NULL
) $CLUSTERED;
CREATE UNIQUE INDEX account_organization ON account (organization_id);

ALTER TABLE client ADD COLUMN created_by TEXT;
ALTER TABLE client ADD COLUMN description TEXT;
ALTER TABLE client ADD COLUMN owner TEXT;
ALTER TABLE client ADD COLUMN policy TEXT;
ALTER TABLE client ADD COLUMN updated_s BIGINT NOT NULL DEFAULT 0;
