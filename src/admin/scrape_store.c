/* scrape_store: rows and bytes of the store, the ages of the keys.
 *
 * Rows were counted by housekeeping (store/tally.h), as were the bytes of a shared store's tables;
 * bytes of files are asked of the file system, which costs two system calls; keys lie in the
 * thread's keyring. So nothing here reads the store.
 */
#include <sys/stat.h>

#include "admin/scrape_write.h"

void scrape_store_rows(struct scrape *s)
{
    const struct tally *t = &s->rq->server->metrics.tally;

    for (size_t i = 0; i < TALLY_TABLES; i++) {
        int64_t n = atomic_load_explicit(&t->rows[i], memory_order_relaxed);
        if (n >= 0)
            scrape_int(s, VALUES(str_from(tally_tables[i])), n);
    }
}

static void write_size(struct scrape *s, str label, str path, const char *suffix)
{
    struct stat st;
    str whole = arena_printf(s->rq->arena, "%.*s%s", STR_ARG(path), suffix);

    if (stat(arena_cstr(s->rq->arena, whole), &st) == 0)
        scrape_int(s, VALUES(label), st.st_size);
    else
        scrape_int(s, VALUES(label), 0); /* a WAL comes and goes */
}

void scrape_store_bytes(struct scrape *s)
{
    str url = setting_text(s->rq->server->settings, db), scheme = STR("sqlite:");

    if (!str_starts(url, scheme))
        return;
    str path = str_sub(url, scheme.n, url.n);
    write_size(s, STR("db"), path, "");
    write_size(s, STR("wal"), path, "-wal");
}

void scrape_store_table_bytes(struct scrape *s)
{
    const struct tally *t = &s->rq->server->metrics.tally;

    for (size_t i = 0; i < TALLY_TABLES; i++) {
        int64_t n = atomic_load_explicit(&t->bytes[i], memory_order_relaxed);
        if (n >= 0)
            scrape_int(s, VALUES(str_from(tally_tables[i])), n);
    }
}

static str use_of(const struct key *k)
{
    static const str names[] = {
        [KEY_SIGNING] = STR_INIT("signing"),
        [KEY_PEPPER] = STR_INIT("pepper"),
        [KEY_SHAPE] = STR_INIT("shape"),
        [KEY_PAIRWISE] = STR_INIT("pairwise"),
    };

    return names[k->use];
}

static str alg_of(const struct key *k)
{
    return k->use == KEY_SIGNING ? str_from(jws_algs[k->alg].name) : STR("");
}

void scrape_store_key_ages(struct scrape *s)
{
    static const str states[] = {
        [KEY_PUBLISHED] = STR_INIT("published"),
        [KEY_ACTIVE] = STR_INIT("active"),
        [KEY_RETIRED] = STR_INIT("retired"),
    };
    const struct keyring *ring = signer_ring(s->rq->t->signer);
    char kid[UID_SID_CHARS];

    for (size_t i = 0; i < ring->n; i++) {
        const struct key *k = &ring->keys[i];
        keyring_kid(k, kid);
        scrape_int(s, VALUES(str_make(kid, sizeof kid), use_of(k), alg_of(k), states[k->state]),
                   s->rq->now_s - k->created_s);
    }
}

/* Peppers, the shape key and keys of other algorithms are not rotated by age. */
void scrape_store_key_rotations(struct scrape *s)
{
    const struct keyring *ring = signer_ring(s->rq->t->signer);
    int64_t age_s = setting_int(s->rq->server->settings, keys_rotation_age_s);
    enum jws_alg alg = (enum jws_alg)setting_int(s->rq->server->settings, access_token_alg);

    for (size_t i = 0; age_s > 0 && i < ring->n; i++) {
        const struct key *k = &ring->keys[i];
        if (k->use == KEY_SIGNING && k->state == KEY_ACTIVE && k->alg == alg)
            scrape_int(s, VALUES(alg_of(k)), k->activated_s + age_s - s->rq->now_s);
    }
}
