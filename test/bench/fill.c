/* fill: many live Twine pairs and many clients, for script/bench.
 *
 *     fill DB_URL MASTER_KEY_FILE CLIENT_ID SECRET TOKENS CLIENTS FOLDER
 *
 * Everything goes through the functions of store/ and their own statements, so what lies in the
 * database afterwards is what the server would have written. Tokens belong to CLIENT_ID and are as
 * old as a server's that issued them all within the last seconds. The new clients are copies of
 * CLIENT_ID with ids of their own and the same secret, which each hashes differently. FOLDER gets
 * tokens.txt (10,000 access tokens from all over the table) and clients.txt (the ids).
 *
 * Left out on purpose: the server's path. Issuing a million pairs by HTTP takes a minute and shows
 * nothing here that the load does not show.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "oauth/route.h"
#include "store/client_cache.h"
#include "store/key.h"
#include "store/token.h"

enum { BATCH = 10000, SAMPLE = 10000, ARENA_CAP = 1 << 28 };

struct fill {
    struct db *db;
    struct keyring *ring;
    struct hasher *hasher;
    struct id_source ids;
    struct arena arena; /* a batch's */
    struct effects fx;
    int64_t now_s;
    const struct cached_client *client; /* the model of all that is written */
    str secret;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "fill: %s: %s\n", what, why);
    exit(1);
}

static void must(enum err e, const char *what)
{
    if (e != OK)
        die(what, err_info(e)->id);
}

static int64_t number(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);

    if (*end != '\0' || n < 0)
        die("not a number", text);
    return n;
}

static FILE *list_open(const char *folder, const char *name)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "w");
    if (f == NULL)
        die(path, "cannot be written");
    return f;
}

static void list_close(FILE *f)
{
    if (fclose(f) != 0)
        die("list", "cannot be written");
}

static void open_all(struct fill *f, char **argv)
{
    char why[512];
    struct master_key master;
    struct clock clock = {0};
    static struct change_log log;
    struct uid id;
    enum spelling spelling;

    arena_init(&f->arena, ARENA_CAP);
    id_source_init(&f->ids);
    change_log_init(&log);
    f->hasher = hash_open();
    f->now_s = clock_now_s(&clock);
    f->secret = str_from(argv[4]);
    if (db_open(str_from(argv[1]), false, &f->db, why, sizeof why) != OK ||
        seal_read_master(argv[2], &master, why, sizeof why) != OK ||
        key_load_ring(f->db, &master, &f->ring, why, sizeof why) != OK)
        die("cannot begin", why);
    if (!uid_parse(str_from(argv[3]), CLIENT_SID, &id, &spelling))
        die(argv[3], "is no client id");
    must(client_cache_get(client_cache_open(16, &log), f->db, &id, f->now_s, &f->client), argv[3]);
}

/* Runs what has been recorded inside the batch's transaction and forgets it. */
static void write_effects(struct fill *f)
{
    int64_t changed;

    for (struct effect *e = f->fx.first; e != NULL; e = e->next) {
        must(db_run(f->db, e->sql, e->args, e->n, &changed), e->sql->name);
        if (e->expect != EXPECT_ANY && e->expect != changed)
            die(e->sql->name, "an expectation missed");
    }
    arena_reset(&f->arena);
    effects_init(&f->fx, &f->arena);
}

static void write_handle(FILE *out, const struct handle *h)
{
    char text[HANDLE_CHARS];
    struct buf b;

    buf_fixed(&b, text, sizeof text);
    handle_write(&b, h, SHAPE_HANDLE, NULL);
    fprintf(out, "%.*s\n", (int)b.n, b.p);
}

static void put_token(struct fill *f, FILE *sampled)
{
    const struct client *c = &f->client->client;
    struct handle access, refresh;
    struct token t = {
        .id = id_next(&f->ids, f->now_s),
        .client = c->id,
        .scope = c->scopes,
        .dialect = DIALECT_TWINE,
        .epoch = f->client->epoch,
        .issued_s = f->now_s,
        .access_exp_s = f->now_s + c->access_ttl_s,
        .refresh_exp_s = f->now_s + c->refresh_ttl_s,
        .family_exp_s = f->now_s + c->family_ttl_s,
    };

    t.grant = t.id;
    handle_new(HANDLE_ACCESS, SHAPE_HANDLE, NULL, &t.id, &access);
    handle_new(HANDLE_REFRESH, SHAPE_HANDLE, NULL, &t.id, &refresh);
    handle_digest(f->hasher, &access, &t.access);
    handle_digest(f->hasher, &refresh, &t.refresh);
    token_put(&f->fx, &t);
    if (sampled != NULL)
        write_handle(sampled, &access);
}

static void put_client(struct fill *f, FILE *list)
{
    const struct key *pepper = keyring_active(f->ring, KEY_PEPPER, 0);
    struct client c = f->client->client;
    struct client_secret s = {
        .id = id_next(&f->ids, f->now_s), .pepper = pepper->id, .created_s = f->now_s};
    char text[UID_UUID_CHARS];
    struct buf b;

    c.id = uid_new();
    struct signer *signer = signer_open(f->ring, NULL);
    must(client_hash_secret(signer, pepper, &c.id, f->secret, &s.hash), "a secret");
    signer_close(signer);
    client_put(&f->fx, &c);
    client_put_secret(&f->fx, &c.id, &s, f->now_s);
    if (f->client->groups_n > 0)
        client_set_groups(&f->fx, &c, f->client->groups, (size_t)f->client->groups_n);
    buf_fixed(&b, text, sizeof text);
    uid_write(&b, &c.id, CLIENT_SID, SPELLING_UUID);
    fprintf(list, "%.*s\n", (int)b.n, b.p);
}

static void put_many(struct fill *f, int64_t tokens, int64_t clients, const char *folder)
{
    FILE *sampled = list_open(folder, "tokens.txt"), *list = list_open(folder, "clients.txt");
    int64_t every = tokens / SAMPLE + (tokens < SAMPLE);

    effects_init(&f->fx, &f->arena);
    for (int64_t i = 0; i < tokens + clients; i++) {
        if (i % BATCH == 0)
            must(db_begin(f->db), "begin");
        if (i < tokens)
            put_token(f, i % every == 0 ? sampled : NULL);
        else
            put_client(f, list);
        write_effects(f);
        if (i % BATCH == BATCH - 1 || i == tokens + clients - 1)
            must(db_commit(f->db), "commit");
    }
    list_close(sampled);
    list_close(list);
}

int main(int argc, char **argv)
{
    struct fill f;

    if (argc != 8) {
        fprintf(stderr, "usage: fill DB_URL MASTER_KEY_FILE CLIENT_ID SECRET TOKENS CLIENTS "
                        "FOLDER\n");
        return 2;
    }
    open_all(&f, argv);
    put_many(&f, number(argv[5]), number(argv[6]), argv[7]);
    hash_close(f.hasher);
    keyring_unref(f.ring);
    db_close(f.db);
    return 0;
}
