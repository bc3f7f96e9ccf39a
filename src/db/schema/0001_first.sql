-- The tables of the first version. Types are TEXT, $BLOB and BIGINT only; times are seconds since
-- the epoch, booleans 0 and 1. Two names are plural because the singular is a reserved word.
-- Rows refer to each other without FOREIGN KEY: the statements in store/ lock the row that they
-- rely on and expect it to be there, so no write pays for a look-up that its expectation made.

CREATE TABLE organization (
    id $BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    created_s BIGINT NOT NULL
) $CLUSTERED;

CREATE TABLE groups (
    id $BLOB NOT NULL PRIMARY KEY,
    organization_id $BLOB NOT NULL,
    name TEXT NOT NULL,
    bio TEXT,
    created_s BIGINT NOT NULL
) $CLUSTERED;
CREATE INDEX groups_organization ON groups (organization_id, id);
CREATE INDEX groups_name ON groups (organization_id, name, id);

CREATE TABLE client (
    id $BLOB NOT NULL PRIMARY KEY,
    organization_id $BLOB NOT NULL,
    name TEXT NOT NULL,
    grants BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    all_groups BIGINT NOT NULL,
    token_format BIGINT NOT NULL,
    auth_method BIGINT NOT NULL,
    rotation BIGINT NOT NULL,
    introspect_organization BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    access_ttl_s BIGINT NOT NULL,
    refresh_ttl_s BIGINT NOT NULL,
    family_ttl_s BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    created_s BIGINT NOT NULL
) $CLUSTERED;
CREATE INDEX client_organization ON client (organization_id, id);

-- hash and pepper_id: a keyed fast hash; argon2: an imported weak secret. One or the other.
CREATE TABLE client_secret (
    client_id $BLOB NOT NULL,
    id $BLOB NOT NULL,
    pepper_id $BLOB,
    hash $BLOB,
    argon2 TEXT,
    created_s BIGINT NOT NULL,
    exp_s BIGINT NOT NULL,
    PRIMARY KEY (client_id, id)
) $CLUSTERED;

CREATE TABLE client_group (
    client_id $BLOB NOT NULL,
    group_id $BLOB NOT NULL,
    PRIMARY KEY (client_id, group_id)
) $CLUSTERED;
CREATE INDEX client_group_group ON client_group (group_id);

-- purpose: 0 signing, 1 pepper, 2 shape. state: 0 published, 1 active, 2 retired.
CREATE TABLE key (
    id $BLOB NOT NULL PRIMARY KEY,
    purpose BIGINT NOT NULL,
    state BIGINT NOT NULL,
    alg BIGINT NOT NULL,
    sealed $BLOB NOT NULL,
    created_s BIGINT NOT NULL,
    activated_s BIGINT NOT NULL,
    retired_s BIGINT NOT NULL
) $CLUSTERED;
CREATE UNIQUE INDEX key_active ON key (purpose, alg) WHERE state = 1;

-- exp_s: when both tokens of the row have ended and it may go.
-- locator: 8 bytes derived from the id. A row is long, so a table clustered by a blob would have few
-- rows on an inner page too; by an integer, the inner pages of millions of rows fit a small cache.
CREATE TABLE token (
    locator $ROWID NOT NULL PRIMARY KEY,
    id $BLOB NOT NULL,
    grant_id $BLOB NOT NULL,
    client_id $BLOB NOT NULL,
    scope TEXT NOT NULL,
    spelling BIGINT NOT NULL,
    shape BIGINT NOT NULL,
    dialect BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    issued_s BIGINT NOT NULL,
    access_exp_s BIGINT NOT NULL,
    refresh_exp_s BIGINT NOT NULL,
    family_exp_s BIGINT NOT NULL,
    access_hash $BLOB,
    refresh_hash $BLOB,
    spent_s BIGINT NOT NULL,
    successor $BLOB,
    sealed $BLOB,
    exp_s BIGINT NOT NULL
);
CREATE INDEX token_exp ON token (exp_s);

-- A row appears when a grant is revoked; live grants have none.
CREATE TABLE grants (
    id $BLOB NOT NULL PRIMARY KEY,
    client_id $BLOB NOT NULL,
    revoked_s BIGINT NOT NULL,
    exp_s BIGINT NOT NULL
) $CLUSTERED;
CREATE INDEX grants_exp ON grants (exp_s);

CREATE TABLE throttle (
    subject TEXT NOT NULL PRIMARY KEY,
    attempts BIGINT NOT NULL,
    window_end_s BIGINT NOT NULL
) $CLUSTERED;
CREATE INDEX throttle_end ON throttle (window_end_s);

CREATE TABLE change (
    id $BLOB NOT NULL PRIMARY KEY,
    kind BIGINT NOT NULL,
    subject $BLOB
) $CLUSTERED;
