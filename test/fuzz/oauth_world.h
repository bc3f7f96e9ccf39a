/* oauth_world: organizations, clients of every kind and people for the fuzz target oauth.
 *
 * They are made once by the commands themselves (cmd_main), on a SQLite file in memory, so the
 * store is what an operator would have made. Each input begins with the same rows, clock and random
 * bytes: what it changed is put back from a copy of the file. argon2 is replaced by a quick hash
 * (-Wl,--wrap), else an input with a sign-in would cost 20 ms more.
 */
#ifndef TEST_FUZZ_OAUTH_WORLD_H
#define TEST_FUZZ_OAUTH_WORLD_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rand.h"
#include "cmd/cmd.h"
#include "codec/b64url.h"
#include "codec/json.h"
#include "crypto/jws.h"
#include "crypto/password.h"
#include "dialect/dialect.h"
#include "oauth/password_rules.h"
#include "oauth/rq.h"
#include "store/user_grant.h"
#include "ui/ui.h"

#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" /* RFC 7636 B */
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define ISSUER    "http://localhost:8080"

enum { CLIENTS = 8, USERS = 3, ORGS = 2, START_S = 2200000000 }; /* past 2038 */

enum { PUBLIC = 1, OPTIONAL_PKCE = 2, TRUSTED = 4, ASSERTS = 8, MACHINE = 16 };

/* What the model knows of a client; `more` are further words for `client create`. */
struct party {
    const char *name, *secret;
    int org;
    unsigned traits;
    const char *uris[3], *more;
    char id[64], sid[64]; /* out */
};

#define PEOPLE_GRANTS                                                                              \
    "--grant authorization_code --grant refresh_token --grant device_code --id-token-alg ES256 "   \
    "--post-logout-redirect-uri https://app.example/bye "

#define OUT .id = "", .sid = ""

static struct party parties[CLIENTS] = {
    {"machine",
     "zzqxSecretOfClient0-abcdefghijklmnopqrstuvw",
     0,
     MACHINE,
     {0},
     "--all-groups",
     OUT},
    {"web",
     "zzqxSecretOfClient1-abcdefghijklmnopqrstuvw",
     0,
     0,
     {"https://app.example/cb", "https://app.example/cb2?x=1"},
     PEOPLE_GRANTS "--token-format opaque --refresh-rotation always --origin https://app.example "
                   "--scope,openid profile email offline_access",
     OUT},
    {"native",
     NULL,
     0,
     PUBLIC,
     {"http://127.0.0.1/cb", "com.example.app:/cb"},
     PEOPLE_GRANTS "--public --scope,openid profile offline_access",
     OUT},
    {"signing",
     NULL,
     0,
     ASSERTS | OPTIONAL_PKCE,
     {"https://pk.example/cb"},
     PEOPLE_GRANTS "--grant client_credentials --auth-method private_key_jwt --pkce optional "
                   "--jwks-file JWKS --scope,openid group offline_access",
     OUT},
    {"other",
     "zzqxSecretOfClient4-abcdefghijklmnopqrstuvw",
     1,
     OPTIONAL_PKCE | TRUSTED,
     {"https://other.example/cb"},
     PEOPLE_GRANTS "--pkce optional --trusted --introspect organization",
     OUT},
    {"pushing",
     "zzqxSecretOfClient5-abcdefghijklmnopqrstuvw",
     0,
     0,
     {"https://par.example/cb"},
     PEOPLE_GRANTS "--require-par --subject-type pairwise --auth-method basic --scope,openid "
                   "profile email offline_access",
     OUT},
    {"opaque",
     "zzqxSecretOfClient6-abcdefghijklmnopqrstuvw",
     1,
     MACHINE,
     {0},
     "--grant client_credentials --grant refresh_token --token-format opaque --refresh-rotation "
     "never --all-groups",
     OUT},
    {"house",
     "zzqxSecretOfClient7-abcdefghijklmnopqrstuvw",
     0,
     TRUSTED,
     {"https://house.example/cb"},
     PEOPLE_GRANTS "--trusted --introspect organization --auth-method post --scope,openid email",
     OUT},
};

/* No one types `shown` by accident: a page that has it was drawn for that person. */
static struct {
    const char *login, *password, *shown;
    int org;
    struct uid id;
} people[USERS] = {
    {"alice", "correct horse zzqx battery one", "Alice Zzqxov", 0, {{0}}},
    {"bob", "correct horse zzqx battery two", "Bob Zzqxov", 0, {{0}}},
    {"carol", "correct horse zzqx battery three", "Carol Zzqxov", 1, {{0}}},
};

static struct {
    char id[64], sid[64], token[64];
} orgs[ORGS];

static struct {
    char dir[64];
    struct settings settings;
    struct server server;
    struct server_thread worker, pool;
    struct signer *keys[2]; /* behind the doors of the two */
    struct db *db;
    struct arena arena;
    struct pkey *key; /* of the client that asserts */
    struct jws_ctx *jws;
    atomic_uint first_id;
} w;

/* ---- the same random bytes for the same input ---- */

static uint64_t random_state = 1;

void rand_bytes(void *p, size_t n)
{
    uint8_t *to = p;
    for (size_t i = 0; i < n; i++) {
        uint64_t z = random_state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        to[i] = (uint8_t)(z >> 56 ^ z >> 24);
    }
}

/* ---- password hashes that cost nothing, in the form of our own ---- */

enum err __wrap_password_hash(struct arena *a, str password, str *encoded);
enum err __wrap_password_verify(struct arena *a, str encoded, str password);
void __wrap_password_dummy(str password);

static uint64_t mix(str s, uint64_t h)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    return h ^ s.n;
}

static str quick_hash(struct arena *a, str password)
{
    return arena_printf(a,
                        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$%09d%09d%09d%016d",
                        (int)(mix(password, 1) % 1000000000), (int)(mix(password, 2) % 1000000000),
                        (int)(mix(password, 3) % 1000000000), 0);
}

enum err __wrap_password_hash(struct arena *a, str password, str *encoded)
{
    *encoded = quick_hash(a, password);
    return OK;
}

enum err __wrap_password_verify(struct arena *a, str encoded, str password)
{
    return str_eq(encoded, quick_hash(a, password)) ? OK : ERR_INVALID_CLIENT;
}

void __wrap_password_dummy(str password)
{
    (void)password;
}

/* ---- making it ---- */

static void broken(const char *what, str detail)
{
    fprintf(stderr, "oauth: the world cannot be made: %s: %.*s\n", what, STR_ARG(detail));
    exit(1);
}

static int memory_file(str text)
{
    int fd = memfd_create("oauth", 0);
    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || lseek(fd, 0, SEEK_SET) != 0)
        broken("memfd", text);
    return fd;
}

/* Runs a command: words separated by spaces, the words behind a comma are one. Returns its JSON. */
static const struct json *command(const char *words, const char *input)
{
    static const struct command_set *const sets[] = {&org_commands, &account_commands,
                                                     &client_commands, &user_commands, NULL};
    char *argv[64] = {(char *)"postern"}, out[8192];
    int argc = 1, in = memory_file(str_from(input)), to = memory_file(STR(""));
    int saved[2] = {dup(0), dup(1)};
    struct json *answer = NULL;
    str line = arena_printf(&w.arena, "%s --json --db sqlite:%s/db", words, w.dir), part, tail;
    while (str_next(&line, ' ', &part)) {
        if (str_cut(part, ',', &part, &tail)) { /* --scope,a b c --next */
            argv[argc++] = arena_cstr(&w.arena, part);
            const char *end = strstr(tail.p, " --");
            part = str_make(tail.p, (size_t)(end - tail.p));
            line = str_sub(line, (size_t)(end - line.p), line.n);
        }
        argv[argc++] = arena_cstr(&w.arena, part);
    }
    dup2(in, 0);
    dup2(to, 1);
    int code = cmd_main(sets, argc, argv);
    dup2(saved[0], 0);
    dup2(saved[1], 1);
    ssize_t n = pread(to, out, sizeof out, 0);
    for (int i = 0; i < 2; i++)
        close(saved[i]);
    close(in);
    close(to);
    if (code != 0 || n <= 0 || json_parse(&w.arena, str_make(out, (size_t)n), &answer) != OK)
        broken(words, str_make(out, n > 0 ? (size_t)n : 0));
    return answer;
}

static void keep(char *to, const struct json *from, const char *name)
{
    str s = json_get_str(from, str_from(name));
    if (s.n == 0 || s.n >= 64)
        broken("no member", str_from(name));
    memcpy(to, s.p, s.n);
    to[s.n] = 0;
}

static void make_orgs(void)
{
    for (int i = 0; i < ORGS; i++) {
        const struct json *o =
            command(i ? "org create --name Other" : "org create --name Acme", "");
        keep(orgs[i].id, o, "id");
        keep(orgs[i].sid, o, "account_sid");
        keep(orgs[i].token, command(arena_printf(&w.arena, "account token %s", orgs[i].id).p, ""),
             "auth_token");
    }
}

static void make_party(struct party *p)
{
    struct buf b;
    buf_init(&b, &w.arena, 1024, 8192);
    buf_printf(&b, "client create --org %s --name %s", orgs[p->org].id, p->name);
    if (p->secret != NULL)
        BUF_LIT(&b, " --secret-stdin");
    for (int i = 0; i < 3 && p->uris[i] != NULL; i++)
        buf_printf(&b, " --redirect-uri %s", p->uris[i]);
    const char *more = p->more, *jwks = strstr(more, "JWKS");
    buf_printf(&b, " %.*s", (int)(jwks ? jwks - more : (ptrdiff_t)strlen(more)), more);
    if (jwks)
        buf_printf(&b, "%s/jwks%s", w.dir, jwks + 4);
    buf_char(&b, '\0');
    const struct json *c = command(b.p, p->secret ? p->secret : "");
    keep(p->id, c, "client_id");
    keep(p->sid, c, "client_sid");
}

static void make_person(int i)
{
    enum spelling as;
    str words = arena_printf(
        &w.arena,
        "user create --org %s --username %s --email %s@zzqx.example --password-stdin --name,%s",
        orgs[people[i].org].id, people[i].login, people[i].login, people[i].shown);
    const struct json *u = command(arena_cstr(&w.arena, words), people[i].password);
    if (!uid_parse(json_get_str(u, STR("id")), "US", &people[i].id, &as))
        broken("user", words);
}

static void make_key(void)
{
    struct buf b;
    char path[128];
    w.key = jwk_generate(JWS_ES256);
    w.jws = jws_open(JWS_ES256, w.key);
    buf_init(&b, &w.arena, 1024, 4096);
    BUF_LIT(&b, "{\"keys\":[");
    jwk_write_entry(&b, w.key, JWS_ES256, STR("k1"));
    BUF_LIT(&b, "]}");
    snprintf(path, sizeof path, "%s/jwks", w.dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || write(fd, b.p, b.n) != (ssize_t)b.n || close(fd) != 0)
        broken("jwks", str_from(path));
}

static void check(bool holds, const char *what, str why)
{
    if (!holds)
        broken(what, why);
}

/* ---- keys behind doors, as a server has them: a worker asks at the end of its turn ---- */

static void door_sign(void *keys, struct sign_item *items, size_t n)
{
    signer_sign(keys, items, n);
}

static void door_hmac(void *keys, struct hash_item *items, size_t n)
{
    signer_hmac_all(keys, items, n);
}

static enum err door_subkey(void *keys, const struct key *pepper, int64_t day, uint8_t out[32])
{
    return signer_subkey(keys, pepper, day, out);
}

static void door_close(void *keys)
{
    (void)keys; /* they stay for the next door */
}

static const struct signer_ops door_ops = {door_sign, door_hmac, door_subkey, door_close};

/* A door that remembers nothing. */
static void new_doors(void)
{
    struct server_thread *both[2] = {&w.worker, &w.pool};
    for (size_t i = 0; i < 2; i++) {
        if (w.keys[i])
            signer_close(both[i]->signer);
        else
            w.keys[i] = both[i]->signer;
        both[i]->signer = signer_open_door(signer_ring(w.keys[i]), &door_ops, w.keys[i]);
    }
}

static void open_server(void)
{
    static const struct dialect *dialects[DIALECTS_MAX];
    char why[512] = "";
    str text = str_from(why);
    settings_init(&w.settings);
    str db = arena_printf(&w.arena, "sqlite:%s/db", w.dir);
    check(!settings_set(&w.settings, STR("db"), db, "test", why, sizeof why), why, text);
    check(!settings_set(&w.settings, STR("log.requests"), STR("false"), "test", why, sizeof why),
          why, text);
    check(!settings_set(&w.settings, STR("password.common"), STR(""), "test", why, sizeof why), why,
          text);
    check(!settings_check(&w.settings, why, sizeof why), why, text);
    check(str_eq(setting_text(&w.settings, issuer), STR("http://127.0.0.1:8080")) ||
              str_eq(setting_text(&w.settings, issuer), STR(ISSUER)),
          "issuer", setting_text(&w.settings, issuer));
    check(!db_open(db, false, &w.db, why, sizeof why), why, text);
    dialect_select(&w.settings, dialects);
    check(!server_open(&w.server, &w.settings, dialects, w.db, why, sizeof why), why, text);
    w.server.ui = ui_open(&w.settings, why, sizeof why);
    check(w.server.ui != NULL, why, text);
    w.server.ui_locales = ui_locales(w.server.ui, &w.server.arena);
    w.server.passwords = password_rules_open(STR(""), 15, why, sizeof why);
    check(!server_thread_open(&w.server, &w.worker, THREAD_WORKER, why, sizeof why), why, text);
    check(!server_thread_open(&w.server, &w.pool, THREAD_POOL, why, sizeof why), why, text);
    w.first_id = atomic_load(&w.server.ids.counter);
}

static void world_end(void)
{
    char line[96];
    snprintf(line, sizeof line, "rm -r %s", w.dir);
    if (system(line) != 0)
        fprintf(stderr, "oauth: %s is left\n", w.dir);
}

static void world_make(void)
{
    char line[128];
    snprintf(w.dir, sizeof w.dir, "%s/postern-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(w.dir))
        broken("mkdtemp", str_from(w.dir));
    atexit(world_end);
    arena_init(&w.arena, (size_t)1 << 30);
    make_key();
    make_orgs();
    for (int i = 0; i < CLIENTS; i++)
        make_party(&parties[i]);
    for (int i = 0; i < USERS; i++)
        make_person(i);
    log_open(STDERR_FILENO, LOG_OFF);
    open_server();
    snprintf(line, sizeof line, "VACUUM INTO '%s/base'", w.dir);
    check(w.db->ops->exec(w.db, line) == DB_DONE, line, str_from(w.db->ops->message(w.db)));
    snprintf(line, sizeof line, "ATTACH '%s/base' AS base", w.dir);
    check(w.db->ops->exec(w.db, line) == DB_DONE, line, str_from(w.db->ops->message(w.db)));
}

/* ---- before each input ---- */

static void world_reset(void)
{
    static const char *const tables[] = {
        "client",      "client_secret", "relying_party",  "client_origin", "client_group",
        "groups",      "account",       "users",          "login",         "token",
        "grants",      "throttle",      "session",        "consent",       "user_grant",
        "flow",        "device_code",   "pushed_request", "replay",        "change",
        "explanation", "audit"};
    char line[160];
    db_view_end(w.worker.db);
    db_view_end(w.pool.db);
    check(db_begin(w.db) == OK, "begin", (str){0});
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        snprintf(line, sizeof line,
                 "DELETE FROM main.%s; INSERT INTO main.%s SELECT * FROM base.%s", tables[i],
                 tables[i], tables[i]);
        check(w.db->ops->exec(w.db, line) == DB_DONE, line, str_from(w.db->ops->message(w.db)));
    }
    check(db_commit(w.db) == OK, "commit", (str){0});
    for (int i = 0; i < 2; i++) {
        struct server_thread *t = i ? &w.pool : &w.worker;
        client_cache_close(t->clients);
        t->clients = client_cache_open(64, &w.server.changes);
        verified_clear(t->verified);
    }
    atomic_store(&w.server.ids.counter, w.first_id);
    random_state = 77;
    new_doors();
    w.server.clock.fixed_us = START_S * 1000000LL;
}

#endif
