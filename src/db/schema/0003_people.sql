-- People, what they sign in with, and what they allow applications to do.
-- Tables of long rows are not clustered by their blob: inner pages would hold few rows each.

-- claims: JSON object of OpenID standard claims (without sub, email, email_verified, updated_at and
-- preferred_username, which have columns) and of custom ones. password: an encoded hash; empty: none.
-- pepper_id: which pepper keyed the password before it was hashed; NULL: none (imported).
CREATE TABLE users (
    id $BLOB NOT NULL PRIMARY KEY,
    organization_id $BLOB NOT NULL,
    username TEXT NOT NULL,
    email TEXT,
    email_verified BIGINT NOT NULL,
    claims TEXT NOT NULL,
    roles TEXT NOT NULL,
    password TEXT NOT NULL,
    pepper_id $BLOB,
    password_s BIGINT NOT NULL,
    enabled BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    created_s BIGINT NOT NULL,
    updated_s BIGINT NOT NULL
);
CREATE INDEX users_organization ON users (organization_id, id);

-- What people may type to name themselves, in canonical spelling: the user name and the address.
CREATE TABLE login (
    name TEXT NOT NULL PRIMARY KEY,
    user_id $BLOB NOT NULL
) $CLUSTERED;
CREATE INDEX login_user ON login (user_id);

-- A browser in which somebody is signed in. exp_s moves with use (idle), end_s does not.
CREATE TABLE session (
    id $BLOB NOT NULL PRIMARY KEY,
    hash $BLOB NOT NULL,
    user_id $BLOB NOT NULL,
    auth_s BIGINT NOT NULL,
    amr TEXT NOT NULL,
    acr TEXT NOT NULL,
    agent TEXT NOT NULL,
    peer TEXT NOT NULL,
    seen_s BIGINT NOT NULL,
    exp_s BIGINT NOT NULL,
    end_s BIGINT NOT NULL
);
CREATE INDEX session_person ON session (user_id, id);
CREATE INDEX session_exp ON session (exp_s);

-- What a person has allowed an application, until he takes it back.
CREATE TABLE consent (
    user_id $BLOB NOT NULL,
    client_id $BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created_s BIGINT NOT NULL,
    updated_s BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
) $CLUSTERED;
CREATE INDEX consent_client ON consent (client_id);

-- One authorization by a person: first its code (code_hash, until code_exp_s or spent_s), then the
-- grant that the tokens name. exp_s: when all of it has ended.
CREATE TABLE user_grant (
    id $BLOB NOT NULL PRIMARY KEY,
    client_id $BLOB NOT NULL,
    user_id $BLOB NOT NULL,
    session_id $BLOB,
    dialect BIGINT NOT NULL,
    spelling BIGINT NOT NULL,
    scope TEXT NOT NULL,
    resources TEXT NOT NULL,
    claims TEXT NOT NULL,
    nonce TEXT,
    auth_s BIGINT NOT NULL,
    amr TEXT NOT NULL,
    acr TEXT NOT NULL,
    offline BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    created_s BIGINT NOT NULL,
    code_hash $BLOB,
    code_exp_s BIGINT NOT NULL,
    redirect_uri TEXT,
    challenge TEXT,
    spent_s BIGINT NOT NULL,
    exp_s BIGINT NOT NULL
);
CREATE INDEX user_grant_user ON user_grant (user_id, client_id);
CREATE INDEX user_grant_session ON user_grant (session_id);
CREATE INDEX user_grant_exp ON user_grant (exp_s);

-- Authorization requests that were pushed (RFC 9126), and those that wait for a page of the
-- company's own (headless: login). params: form-encoded. A flow's result is filled in by that page.
CREATE TABLE pushed_request (
    id $BLOB NOT NULL PRIMARY KEY,
    hash $BLOB NOT NULL,
    client_id $BLOB NOT NULL,
    params TEXT NOT NULL,
    exp_s BIGINT NOT NULL,
    spent_s BIGINT NOT NULL
) $CLUSTERED;
CREATE INDEX pushed_request_exp ON pushed_request (exp_s);
CREATE INDEX pushed_request_pending ON pushed_request (client_id, spent_s, id);

-- state: 0 waiting, 1 accepted, 2 rejected, 3 finished. epoch: the user's when it was accepted.
CREATE TABLE flow (
    id $BLOB NOT NULL PRIMARY KEY,
    hash $BLOB NOT NULL,
    client_id $BLOB NOT NULL,
    sealed TEXT NOT NULL,
    state BIGINT NOT NULL,
    user_id $BLOB,
    scope TEXT,
    amr TEXT,
    acr TEXT,
    auth_s BIGINT NOT NULL,
    remember BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    error TEXT,
    exp_s BIGINT NOT NULL
) $CLUSTERED;
CREATE INDEX flow_exp ON flow (exp_s);
CREATE INDEX flow_pending ON flow (client_id, state, id);

-- state: 0 waiting, 1 approved (grant_id), 2 denied, 3 spent. interval_s grows with slow_down.
CREATE TABLE device_code (
    id $BLOB NOT NULL PRIMARY KEY,
    hash $BLOB NOT NULL,
    user_code_hash $BLOB NOT NULL,
    client_id $BLOB NOT NULL,
    dialect BIGINT NOT NULL,
    spelling BIGINT NOT NULL,
    scope TEXT NOT NULL,
    resources TEXT NOT NULL,
    state BIGINT NOT NULL,
    grant_id $BLOB,
    interval_s BIGINT NOT NULL,
    polled_s BIGINT NOT NULL,
    exp_s BIGINT NOT NULL
) $CLUSTERED;
CREATE UNIQUE INDEX device_code_user_code ON device_code (user_code_hash);
CREATE INDEX device_code_exp ON device_code (exp_s);
CREATE INDEX device_code_pending ON device_code (client_id, state, id);

-- What may be used only once: assertions (their jti) until they would have expired anyway.
CREATE TABLE replay (
    digest $BLOB NOT NULL PRIMARY KEY,
    exp_s BIGINT NOT NULL
) $CLUSTERED;
CREATE INDEX replay_exp ON replay (exp_s);

-- Why requests were refused, for `postern explain`: a ring of slots per process.
CREATE TABLE explanation (
    node $BLOB NOT NULL,
    slot BIGINT NOT NULL,
    id $BLOB NOT NULL,
    at_s BIGINT NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (node, slot)
) $CLUSTERED;
CREATE INDEX explanation_id ON explanation (id);
CREATE INDEX explanation_at ON explanation (at_s);

-- A client for which people sign in; a client of machines has no row. Lists are separated by line
-- feeds. owner_user: at Twilio's legacy userinfo, see account.owner_user_id.
CREATE TABLE relying_party (
    client_id $BLOB NOT NULL PRIMARY KEY,
    public BIGINT NOT NULL,
    pkce BIGINT NOT NULL,
    trusted BIGINT NOT NULL,
    require_par BIGINT NOT NULL,
    redirect_uris TEXT NOT NULL,
    post_logout_redirect_uris TEXT NOT NULL,
    origins TEXT NOT NULL,
    resources TEXT NOT NULL,
    response_modes BIGINT NOT NULL,
    jwks TEXT NOT NULL,
    assertion_audience BIGINT NOT NULL,
    request_object BIGINT NOT NULL,
    id_token_alg BIGINT NOT NULL,
    userinfo_alg BIGINT NOT NULL,
    pairwise BIGINT NOT NULL,
    sector TEXT NOT NULL,
    claims TEXT NOT NULL,
    default_max_age_s BIGINT NOT NULL,
    logo_uri TEXT NOT NULL,
    policy_uri TEXT NOT NULL,
    tos_uri TEXT NOT NULL
) $CLUSTERED;

-- Origins whose pages may call the token endpoint and its like for a client.
CREATE TABLE client_origin (
    origin TEXT NOT NULL,
    client_id $BLOB NOT NULL,
    PRIMARY KEY (origin, client_id)
) $CLUSTERED;
CREATE INDEX client_origin_client ON client_origin (client_id);

-- is_user: grant_id names a row of user_grant.
ALTER TABLE token ADD COLUMN is_user BIGINT NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN resources TEXT;
ALTER TABLE account ADD COLUMN owner_user_id $BLOB;
-- When the last attempt was: the wait before the next one grows with them.
ALTER TABLE throttle ADD COLUMN last_s BIGINT NOT NULL DEFAULT 0;
