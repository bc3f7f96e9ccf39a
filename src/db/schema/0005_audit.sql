-- Security events, linked into a chain per node, and what proves the chains.
-- serves: 4

-- seq and hash are NULL until housekeeping has linked the row. Texts are never NULL: the hash is of
-- them, and a store that could not tell NULL from the empty text would break the chain.
CREATE TABLE audit (
    id $BLOB NOT NULL PRIMARY KEY,
    node TEXT NOT NULL,
    at_s BIGINT NOT NULL,
    event TEXT NOT NULL,
    actor TEXT NOT NULL,
    client TEXT NOT NULL,
    subject TEXT NOT NULL,
    organization TEXT NOT NULL,
    result TEXT NOT NULL,
    source TEXT NOT NULL,
    request TEXT NOT NULL,
    detail TEXT NOT NULL,
    seq BIGINT,
    hash $BLOB
);
CREATE INDEX audit_unlinked ON audit (node, id) WHERE seq IS NULL;
CREATE UNIQUE INDEX audit_linked ON audit (node, seq) WHERE seq IS NOT NULL;

-- The newest link of each chain; whoever links moves it, so that two cannot at once. proven_seq and
-- proven_s: the newest checkpoint.
CREATE TABLE audit_head (
    node TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash $BLOB NOT NULL,
    proven_seq BIGINT NOT NULL,
    proven_s BIGINT NOT NULL
) $CLUSTERED;

-- Signed statements about a link. cut: the rows up to it were taken away by whoever keeps the keys.
CREATE TABLE audit_checkpoint (
    node TEXT NOT NULL,
    seq BIGINT NOT NULL,
    hash $BLOB NOT NULL,
    at_s BIGINT NOT NULL,
    cut BIGINT NOT NULL,
    jwt TEXT NOT NULL,
    PRIMARY KEY (node, seq)
);

-- Public keys that have signed checkpoints, for when the key itself is gone.
CREATE TABLE audit_key (
    kid TEXT NOT NULL PRIMARY KEY,
    jwk TEXT NOT NULL,
    first_s BIGINT NOT NULL
) $CLUSTERED;
