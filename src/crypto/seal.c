/* seal: AES-256-GCM over what rests in the store, and the file of the master key (SP 800-38D).
 *
 * Nonces are random: 96 bits are good for 2^32 blobs under one key, and a raw key seals one. The
 * version, the fingerprint and the context are authenticated, so a blob opens only where it was
 * put. Ciphers are fetched once per process; they are immutable, so threads share them.
 * The key file is judged by its descriptor, not by its name, so it cannot be changed in between;
 * a link is followed for reading (secret stores mount their files so) and refused for writing.
 * It is written to a neighbour, synced, and moved over the name: there is no moment at which the
 * name holds half a key. No message ever shows its content.
 */
#include "crypto/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "codec/b64url.h"
#include "crypto/hash.h"

#define VERSION      1
#define VERSION_RAW  2
#define NONCE        12
#define TAG          16
#define KEY_BYTES    32
#define HEAD         (1 + SEAL_FINGERPRINT_BYTES)
#define LINE_PREFIX  "postern-master-key-1:"
#define FILE_MAX     256
#define TEMPORARY    (sizeof((struct master_key *)0)->path + 16)
#define PRIVATE_MODE 0600

static EVP_CIPHER *gcm, *block;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    block = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    if (!gcm || !block)
        fatal("OpenSSL has no AES");
}

static EVP_CIPHER_CTX *open_ctx(void)
{
    pthread_once(&fetched, fetch);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!ctx)
        fatal("no memory for a cipher");
    return ctx;
}

static bool add_aad(EVP_CIPHER_CTX *ctx, str head, str context)
{
    int n;
    return EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)head.p, (int)head.n) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)context.p, (int)context.n) == 1;
}

/* head (version and fingerprint) ‖ nonce ‖ ciphertext ‖ tag */
static str put(struct arena *a, const uint8_t *key, str head, str plain, str context)
{
    int n = 0, rest = 0;
    size_t size = head.n + NONCE + plain.n + TAG;
    uint8_t *out = arena_alloc(a, size), *nonce = out + head.n, *text = nonce + NONCE;
    memcpy(out, head.p, head.n);
    rand_bytes(nonce, NONCE);
    EVP_CIPHER_CTX *ctx = open_ctx();
    bool ok = EVP_EncryptInit_ex2(ctx, gcm, key, nonce, NULL) == 1 && add_aad(ctx, head, context) &&
              EVP_EncryptUpdate(ctx, text, &n, (const uint8_t *)plain.p, (int)plain.n) == 1 &&
              EVP_EncryptFinal_ex(ctx, text + n, &rest) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, text + plain.n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        fatal("OpenSSL cannot seal");
    return str_make((const char *)out, size);
}

static enum err open_sealed(struct arena *a, const uint8_t *key, size_t head_n, str sealed,
                            str context, str *plain)
{
    int n = 0, rest = 0;
    uint8_t *in = (uint8_t *)sealed.p, *nonce = in + head_n, *text = nonce + NONCE;
    size_t size = sealed.n - head_n - NONCE - TAG;
    uint8_t *out = arena_alloc(a, size + 1);
    EVP_CIPHER_CTX *ctx = open_ctx();
    bool ok = EVP_DecryptInit_ex2(ctx, gcm, key, nonce, NULL) == 1 &&
              add_aad(ctx, str_make(sealed.p, head_n), context) &&
              EVP_DecryptUpdate(ctx, out, &n, text, (int)size) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, text + size) == 1 &&
              EVP_DecryptFinal_ex(ctx, out + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        ct_wipe(out, size); /* SP 800-38D 7.2: nothing leaves before the tag is right */
        return ERR_INVALID_REQUEST;
    }
    *plain = str_make((const char *)out, size);
    return OK;
}

str seal_put(struct arena *a, const struct master_key *m, str plain, str context)
{
    char head[HEAD] = {VERSION};
    memcpy(head + 1, m->keys[0].fingerprint, SEAL_FINGERPRINT_BYTES);
    return put(a, m->keys[0].key.b, str_make(head, sizeof head), plain, context);
}

enum err seal_open(struct arena *a, const struct master_key *m, str sealed, str context, str *plain)
{
    if (sealed.n < SEAL_OVERHEAD || sealed.n > INT32_MAX || sealed.p[0] != VERSION)
        return ERR_INVALID_REQUEST;
    for (size_t i = 0; i < m->n; i++)
        if (memcmp(m->keys[i].fingerprint, sealed.p + 1, SEAL_FINGERPRINT_BYTES) == 0)
            return open_sealed(a, m->keys[i].key.b, HEAD, sealed, context, plain);
    return ERR_ABSENT;
}

str seal_put_raw(struct arena *a, const uint8_t key[32], str plain, str context)
{
    const char head[1] = {VERSION_RAW};
    return put(a, key, str_make(head, sizeof head), plain, context);
}

enum err seal_open_raw(struct arena *a, const uint8_t key[32], str sealed, str context, str *plain)
{
    if (sealed.n < 1 + NONCE + TAG || sealed.n > INT32_MAX || sealed.p[0] != VERSION_RAW)
        return ERR_INVALID_REQUEST;
    return open_sealed(a, key, 1, sealed, context, plain);
}

static void crypt_blocks(const uint8_t *key, const uint8_t *in, uint8_t *out, int bytes,
                         int encrypt)
{
    int n = 0;
    EVP_CIPHER_CTX *ctx = open_ctx();
    if (EVP_CipherInit_ex2(ctx, block, key, NULL, encrypt, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 || EVP_CipherUpdate(ctx, out, &n, in, bytes) != 1 ||
        n != bytes)
        fatal("OpenSSL cannot compute AES");
    EVP_CIPHER_CTX_free(ctx);
}

void seal_block_encrypt(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
    crypt_blocks(key, in, out, 16, 1);
}

void seal_blocks_encrypt(const uint8_t key[16], const uint8_t *in, uint8_t *out, size_t blocks)
{
    crypt_blocks(key, in, out, (int)(blocks * 16), 1);
}

void seal_block_decrypt(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
    crypt_blocks(key, in, out, 16, 0);
}

/* Names the key without telling anything of it: the front of a hash under a prefix of its own. */
static void set_fingerprint(struct seal_key *k)
{
    struct digest d;
    struct hasher *h = hash_open();
    str pieces[2] = {STR("postern master key fingerprint"), {(const char *)k->key.b, k->key.n}};
    hash_sha256(h, pieces, 2, &d);
    hash_close(h);
    memcpy(k->fingerprint, d.b, SEAL_FINGERPRINT_BYTES);
}

void seal_new_key(struct seal_key *out)
{
    uint8_t bytes[KEY_BYTES];
    rand_bytes(bytes, sizeof bytes);
    ct_secret_set(&out->key, bytes, sizeof bytes);
    ct_wipe(bytes, sizeof bytes);
    set_fingerprint(out);
}

void seal_wipe(struct master_key *m)
{
    ct_wipe(m, sizeof *m);
}

/* One line of the file into the next place; the same key twice is a rotation gone wrong. */
static bool read_line(str line, struct master_key *out)
{
    uint8_t bytes[KEY_BYTES];
    const str prefix = STR(LINE_PREFIX);
    if (out->n == 2 || !str_starts(line, prefix) ||
        !b64url_decode_exact(str_sub(line, prefix.n, line.n), bytes, sizeof bytes))
        return false;
    struct seal_key *k = &out->keys[out->n++];
    ct_secret_set(&k->key, bytes, sizeof bytes);
    ct_wipe(bytes, sizeof bytes);
    set_fingerprint(k);
    return out->n == 1 || !ct_eq(out->keys[0].key.b, k->key.b, KEY_BYTES);
}

static bool read_lines(str text, struct master_key *out)
{
    str line;
    out->n = 0;
    while (text.n > 0) {
        str_cut(text, '\n', &line, &text);
        if (!read_line(line, out))
            return false;
    }
    return out->n > 0;
}

/* A systemd credential for a service with a user of its own is root's, with an access list for
 * that user alone (systemd.exec(5)); its mode then shows the list's mask where the group's bits
 * would be. True when the list lets nobody in but the owner and us. */
static bool is_acl_private(int fd)
{
    enum { USER_OBJ = 1, USER = 2, MASK = 16, HEADER = 4, ENTRY = 8 };
    uint8_t acl[256];
    ssize_t n = fgetxattr(fd, "system.posix_acl_access", acl, sizeof acl);
    if (n < HEADER || (n - HEADER) % ENTRY != 0)
        return false;
    for (const uint8_t *e = acl + HEADER; e < acl + n; e += ENTRY) {
        unsigned tag = e[0] | (unsigned)e[1] << 8;
        uid_t who = e[4] | (uid_t)e[5] << 8 | (uid_t)e[6] << 16 | (uid_t)e[7] << 24;
        bool ours = tag == USER_OBJ || tag == MASK || (tag == USER && who == geteuid());
        if (!ours && (e[2] & 7) != 0)
            return false;
    }
    return true;
}

static enum err check_file(int fd, const char *path, char *why, size_t why_size)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        snprintf(why, why_size, "%s is not a regular file; name the file of the master key.", path);
        return ERR_INVALID_REQUEST;
    }
    bool shared = (st.st_mode & 077) != 0;
    if (shared && ((st.st_mode & 037) != 0 || !is_acl_private(fd))) {
        snprintf(why, why_size,
                 "%s holds the master key and others than its owner may use it (mode %04o); run: "
                 "chmod 600 %s",
                 path, st.st_mode & 07777u, path);
        return ERR_FORBIDDEN;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid() && geteuid() != 0) {
        snprintf(why, why_size,
                 "%s belongs to user %u, who could replace the master key; run: chown %u %s", path,
                 (unsigned)st.st_uid, (unsigned)geteuid(), path);
        return ERR_FORBIDDEN;
    }
    return OK;
}

static enum err explain_errno(const char *path, const char *what, char *why, size_t why_size)
{
    int code = errno;
    if (code == ENOENT)
        snprintf(why, why_size, "There is no file or directory for the master key at %s.", path);
    else
        snprintf(why, why_size, "Cannot %s the master key file %s: %s.", what, path,
                 strerror(code));
    if (code == ENOENT)
        return ERR_ABSENT;
    if (code == EEXIST)
        return ERR_CONFLICT;
    return code == EACCES || code == EPERM ? ERR_FORBIDDEN : ERR_SERVER_ERROR;
}

static enum err check_path(const char *path, char *why, size_t why_size)
{
    if (strlen(path) < sizeof((struct master_key *)0)->path)
        return OK;
    snprintf(why, why_size, "The path of the master key file is longer than 511 bytes.");
    return ERR_INVALID_REQUEST;
}

static enum err read_content(int fd, const char *path, struct master_key *out, char *why,
                             size_t why_size)
{
    char text[FILE_MAX];
    ssize_t n = read(fd, text, sizeof text);
    if (n < 0)
        return explain_errno(path, "read", why, why_size);
    bool ok = (size_t)n < sizeof text && read_lines(str_make(text, (size_t)n), out);
    ct_wipe(text, sizeof text);
    if (ok)
        return OK;
    snprintf(why, why_size,
             "%s is not a master key file: it holds one or two lines \"%s\" followed by 43 "
             "characters of base64url. Restore it from its backup; without the key that sealed "
             "them, the signing keys in the database cannot be opened.",
             path, LINE_PREFIX);
    return ERR_INVALID_REQUEST;
}

enum err seal_read_master(const char *path, struct master_key *out, char *why, size_t why_size)
{
    enum err e = check_path(path, why, why_size);
    if (e != OK)
        return e;
    /* O_NONBLOCK: a pipe at this name must not hang the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return seal_read_master_from(fd, path, out, why, why_size);
}

enum err seal_read_master_from(int fd, const char *path, struct master_key *out, char *why,
                               size_t why_size)
{
    memset(out, 0, sizeof *out);
    if (fd < 0)
        return explain_errno(path, "open", why, why_size);
    enum err e = check_path(path, why, why_size);
    if (e == OK)
        e = check_file(fd, path, why, why_size);
    if (e == OK)
        e = read_content(fd, path, out, why, why_size);
    close(fd);
    if (e == OK)
        memcpy(out->path, path, strlen(path) + 1);
    else
        seal_wipe(out);
    return e;
}

static bool sync_directory(const char *path)
{
    char copy[TEMPORARY];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    errno = code;
    return ok;
}

static bool write_keys(int fd, const struct master_key *keys)
{
    char text[FILE_MAX];
    struct buf b;
    buf_fixed(&b, text, sizeof text);
    for (size_t i = 0; i < keys->n; i++) {
        BUF_LIT(&b, LINE_PREFIX);
        b64url_write(&b, keys->keys[i].key.b, KEY_BYTES);
        buf_char(&b, '\n');
    }
    bool ok = write(fd, b.p, b.n) == (ssize_t)b.n && fsync(fd) == 0;
    ct_wipe(text, sizeof text);
    return ok;
}

/* A synced neighbour of `path` that holds the keys. `like`: whose mode and owner it takes over, or
 * NULL. False: errno says why and nothing is left behind. */
static bool write_neighbour(const char *path, const struct stat *like,
                            const struct master_key *keys, char temporary[TEMPORARY])
{
    uint32_t salt;
    rand_bytes(&salt, sizeof salt);
    snprintf(temporary, TEMPORARY, "%s.%08x", path, salt);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, PRIVATE_MODE);
    if (fd < 0)
        return false;
    bool ok = fchmod(fd, like ? like->st_mode & 0700 : PRIVATE_MODE) == 0;
    if (like && (like->st_uid != geteuid() || like->st_gid != getegid()))
        ok = ok && fchown(fd, like->st_uid, like->st_gid) == 0;
    ok = ok && write_keys(fd, keys);
    int code = errno;
    close(fd);
    if (!ok)
        unlink(temporary);
    errno = code;
    return ok;
}

enum err seal_create_master(const char *path, struct master_key *out, char *why, size_t why_size)
{
    char temporary[TEMPORARY];
    struct master_key fresh = {.n = 1};
    enum err e = check_path(path, why, why_size);
    if (e != OK)
        return e;
    seal_new_key(&fresh.keys[0]);
    memcpy(fresh.path, path, strlen(path) + 1);
    /* A link under the name fails if the name is taken, as O_EXCL does, yet the name never holds
     * half a key. */
    bool ok = write_neighbour(path, NULL, &fresh, temporary);
    if (ok) {
        ok = link(temporary, path) == 0;
        int code = errno;
        unlink(temporary);
        errno = code;
    }
    if (!ok || !sync_directory(path))
        e = explain_errno(path, "create", why, why_size);
    else
        *out = fresh;
    seal_wipe(&fresh);
    return e;
}

/* Callers go on behind the sentence: "...; nothing was changed". */
static enum err refuse_link(const char *path, char *why, size_t why_size)
{
    char *target = realpath(path, NULL);
    if (target && strcmp(target, path) != 0)
        snprintf(why, why_size,
                 "%s is a link to %s and is not replaced; name that file as the master key "
                 "(--master-key)",
                 path, target);
    else
        snprintf(why, why_size, "%s is not a regular file and is not replaced", path);
    free(target);
    return ERR_INVALID_REQUEST;
}

enum err seal_write_master(const char *path, const struct master_key *keys, char *why,
                           size_t why_size)
{
    struct stat st;
    char temporary[TEMPORARY];
    enum err e = check_path(path, why, why_size);
    if (e != OK)
        return e;
    if (lstat(path, &st) != 0)
        return explain_errno(path, "replace", why, why_size);
    if (!S_ISREG(st.st_mode))
        return refuse_link(path, why, why_size);
    if (!write_neighbour(path, &st, keys, temporary))
        return explain_errno(path, "replace", why, why_size);
    if (rename(temporary, path) == 0 && sync_directory(path))
        return OK;
    e = explain_errno(path, "replace", why, why_size);
    unlink(temporary);
    return e;
}
