/* interaction: begins, travels in a seal, ends in an answer. What happens in between is decided in
 * interaction_next.c.
 *
 * The seal holds the parameters, not what was found out about them: opening it runs the checks
 * again. It names the browser (flow cookie), so that nobody can have another finish what he began,
 * and a flow, which ends once: what comes later with the same seal is refused (security.md A26).
 * A flow without a page (a live session, everything allowed before) never has a seal, and writes
 * what it must and no more.
 *
 * Left out on purpose: drawing, and the meaning of buttons. That is ui/'s and admin/'s.
 */
#include "oauth/authorize/interaction.h"

#include "oauth/check/check.h"
#include "oauth/check/checks.h"
#include "oauth/record.h"
#include "oauth/sealed.h"
#include "store/replay.h"
#include "store/user_grant.h"

#define PURPOSE       STR("flow")
#define VERSION       1
#define HEAD_BYTES    (1 + 1 + 1 + 8 + 16 + UID_BYTES + ID_BYTES + UID_BYTES)
#define TEXT_MAX      10000 /* of the parameters, so that a form takes the seal */
#define BINDING_BYTES 16
#define HAS_CHOSEN    1

/* ---- beginning ---- */

static enum err judge(struct rq *rq, struct interaction *ix)
{
    enum err e = checks_run(rq, &ix->ar);

    if (ix->ar.client != NULL) { /* for the log; it has proven nothing */
        rq->client_id = ix->ar.client->client.id;
        rq->has_client = true;
    }
    if (e == OK && ix->ar.text.n > TEXT_MAX)
        e = fail(rq, ERR_INVALID_REQUEST, "The request is too large.");
    return e;
}

enum err interaction_begin(struct rq *rq, int dialect, struct interaction *out)
{
    enum err e;

    *out = (struct interaction){.began_s = rq->now_s};
    if ((e = authorize_request_bind(rq, VIA_AUTHORIZE, dialect, &out->ar)) != OK)
        return e;
    if ((e = browser_read(rq, &out->browser)) != OK)
        return e;
    return judge(rq, out);
}

/* ---- the seal ---- */

static void put_i64(struct buf *b, int64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_char(b, (char)((uint64_t)v >> shift & 0xff));
}

static void put_bytes(struct buf *b, const void *p, size_t n)
{
    buf_put(b, str_make(p, n));
}

str interaction_seal(struct rq *rq, struct interaction *ix)
{
    struct buf b;

    if (!ix->sealed)
        ix->flow = uid_new();
    ix->sealed = true;
    buf_init(&b, rq->arena, HEAD_BYTES + ix->ar.text.n, HEAD_BYTES + ix->ar.text.n);
    buf_char(&b, VERSION);
    buf_char(&b, (char)ix->ar.dialect);
    buf_char(&b, ix->has_chosen ? HAS_CHOSEN : 0);
    put_i64(&b, ix->began_s);
    put_bytes(&b, browser_binding(&ix->browser), BINDING_BYTES);
    put_bytes(&b, ix->flow.b, UID_BYTES);
    put_bytes(&b, ix->chosen.b, ID_BYTES);
    put_bytes(&b, ix->chosen_user.b, UID_BYTES);
    buf_put(&b, ix->ar.text);
    return sealed_put(rq, PURPOSE, buf_str(&b));
}

/* Takes n bytes from the front of *rest, which has them. */
static void take(str *rest, void *out, size_t n)
{
    memcpy(out, rest->p, n);
    *rest = str_sub(*rest, n, rest->n);
}

static int64_t take_i64(str *rest)
{
    uint8_t raw[8];
    uint64_t v = 0;

    take(rest, raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++)
        v = v << 8 | raw[i];
    return (int64_t)v;
}

static enum err not_ours(struct rq *rq)
{
    return fail(rq, ERR_FORBIDDEN,
                "This page does not belong to this browser, or it was changed. Go back to the "
                "application and begin again.");
}

static void flow_digest(struct rq *rq, const struct uid *flow, struct digest *out)
{
    str pieces[] = {STR("flow"), {(const char *)flow->b, UID_BYTES}};

    hash_sha256(rq->t->hasher, pieces, 2, out);
}

static int64_t flow_end(const struct rq *rq, const struct interaction *ix)
{
    return ix->began_s + setting_int(rq->server->settings, flow_ttl_s);
}

int64_t interaction_auth_s(const struct rq *rq, const struct interaction *ix)
{
    int64_t ahead_s = ix->began_s - rq->now_s;

    return ahead_s > 0 && ahead_s <= CHANGE_SKEW_S ? ix->began_s : rq->now_s;
}

/* Too old: the same request from its beginning. Ended: refused. */
static enum err check_time(struct rq *rq, struct interaction *ix)
{
    struct digest d;
    bool ended;
    enum err e;

    if (rq->now_s >= flow_end(rq, ix)) {
        ix->expired = true;
        ix->began_s = rq->now_s;
        ix->has_chosen = ix->sealed = false;
        return OK;
    }
    flow_digest(rq, &ix->flow, &d);
    if ((e = replay_seen(rq->t->db, &d, &ended)) != OK)
        return e;
    if (ended)
        return fail(rq, ERR_FORBIDDEN,
                    "This sign-in is finished already. Go back to the application.");
    return OK;
}

enum err interaction_open(struct rq *rq, str sealed, bool browser, struct interaction *out)
{
    uint8_t head[3], binding[BINDING_BYTES];
    str rest;
    enum err e;

    *out = (struct interaction){.sealed = true};
    if (browser && (e = browser_read(rq, &out->browser)) != OK)
        return e;
    if (!sealed_open(rq, PURPOSE, sealed, &rest) || rest.n < HEAD_BYTES || *rest.p != VERSION)
        return not_ours(rq);
    take(&rest, head, sizeof head);
    out->has_chosen = head[2] == HAS_CHOSEN;
    out->began_s = take_i64(&rest);
    take(&rest, binding, sizeof binding);
    take(&rest, out->flow.b, UID_BYTES);
    take(&rest, out->chosen.b, ID_BYTES);
    take(&rest, out->chosen_user.b, UID_BYTES);
    if (browser &&
        !(out->browser.has_binding && ct_eq(binding, out->browser.binding, sizeof binding)))
        return not_ours(rq);
    memcpy(out->browser.binding, binding, sizeof binding);
    out->browser.has_binding = true;
    if ((e = authorize_request_read(rq, rest, VIA_AUTHORIZE, head[1], &out->ar)) != OK)
        return e;
    if ((e = check_time(rq, out)) != OK)
        return e;
    return judge(rq, out);
}

/* What comes with this seal from now on is too late. */
static void end_flow(struct rq *rq, struct interaction *ix)
{
    struct digest d;

    if (ix->sealed) {
        flow_digest(rq, &ix->flow, &d);
        replay_put(&rq->fx, &d, flow_end(rq, ix));
    }
    if (ix->ar.has_pushed) /* security.md 18: burnt now, not when its page was opened */
        pushed_request_spend(&rq->fx, &ix->ar.pushed.id, rq->now_s);
}

/* ---- what a person decides ---- */

void interaction_choose(struct interaction *ix, const struct id *session)
{
    const struct signed_in *in = browser_find(&ix->browser, session);

    ix->who = NULL; /* the sessions move */
    ix->has_chosen = in != NULL;
    if (in == NULL)
        return;
    ix->chosen = *session;
    ix->chosen_user = in->user.id;
    browser_prefer(&ix->browser, session);
}

void interaction_consent(struct rq *rq, struct interaction *ix)
{
    struct consent c = {
        .user = ix->who->user.id,
        .client = ix->ar.client->client.id,
        .scopes =
            scope_join(rq->arena, ix->has_before ? ix->before.scopes : STR(""), ix->ar.to_allow),
        .created_s = ix->has_before ? ix->before.created_s : rq->now_s,
        .updated_s = rq->now_s,
    };

    if (ix->has_before) /* else what is taken back at this moment comes back with the new */
        consent_hold(&rq->fx, &ix->before);
    consent_put(&rq->fx, &c);
    record_done(rq, AUDIT_CONSENT_GIVEN, &(struct record){.user = &c.user, .client = &c.client});
    ix->consented = true;
}

/* ---- the answer ---- */

static void add(struct authorize_answer *a, const char *name, str value)
{
    a->pairs[a->n++] = (struct form_pair){str_from(name), value};
}

static void begin_answer(const struct interaction *ix, struct authorize_answer *out)
{
    *out = (struct authorize_answer){.mode = ix->ar.mode, .target = ix->ar.redirect_to};
}

/* state as it came, and only then; iss always (RFC 9207 2). */
static void end_answer(struct rq *rq, const struct interaction *ix, struct authorize_answer *out)
{
    if (ix->ar.state.p != NULL)
        add(out, "state", ix->ar.state);
    add(out, "iss", setting_text(rq->server->settings, issuer));
}

static struct user_grant describe(struct rq *rq, const struct interaction *ix)
{
    const struct authorize_request *ar = &ix->ar;
    const struct session *s = &ix->who->session;

    return (struct user_grant){
        .id = id_next(&rq->server->ids, rq->now_s),
        .client = ar->client->client.id,
        .user = ix->who->user.id,
        .session = s->id,
        .has_session = true,
        .dialect = ar->dialect,
        .spelling = ar->spelling,
        .scope = ar->granted,
        .resources = ar->resources,
        .claims = ar->claims,
        .nonce = ar->nonce,
        .auth_s = s->auth_s,
        .amr = s->amr,
        .acr = s->acr,
        .offline = ar->offline,
        .epoch = ar->client->epoch + ix->who->user.epoch,
        .created_s = rq->now_s,
        .has_code = true,
        .code_exp_s = rq->now_s + setting_int(rq->server->settings, code_ttl_s),
        .redirect_uri = ar->redirect_uri,
        .challenge = ar->code_challenge,
    };
}

enum err interaction_finish(struct rq *rq, struct interaction *ix, struct authorize_answer *out)
{
    struct user_grant g = describe(rq, ix);
    struct handle code;
    struct buf text;

    handle_new(HANDLE_CODE, SHAPE_HANDLE, NULL, &g.id, &code);
    handle_digest(rq->t->hasher, &code, &g.code);
    g.exp_s = g.code_exp_s; /* redeeming it moves the end */
    browser_hold(rq, ix->who);
    if (ix->has_before && !ix->consented)
        consent_hold(&rq->fx, &ix->before);
    user_grant_put(&rq->fx, &g);
    end_flow(rq, ix);
    buf_init(&text, rq->arena, HANDLE_CHARS, HANDLE_CHARS);
    handle_write(&text, &code, SHAPE_HANDLE, NULL);
    begin_answer(ix, out);
    add(out, "code", buf_str(&text));
    end_answer(rq, ix, out);
    return OK;
}

/* RFC 6749 4.1.2.1: %x20-21 / %x23-5B / %x5D-7E. */
static str describe_failure(struct rq *rq)
{
    str text = str_from(rq->failure.text);
    struct buf b;

    buf_init(&b, rq->arena, 256, text.n + 64);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        buf_char(&b, c == '"' || c == '\\' ? '\'' : c < 0x20 || c > 0x7e ? '?' : c);
    }
    BUF_LIT(&b, " (error id ");
    uid_write(&b, &rq->request_id, "", SPELLING_UUID);
    buf_char(&b, ')');
    return buf_str(&b);
}

bool interaction_refuse(struct rq *rq, struct interaction *ix, struct authorize_answer *out)
{
    enum err e = rq->failure.e;

    if (e == OK || !err_info(e)->redirectable || ix->ar.redirect_to.p == NULL)
        return false;
    begin_answer(ix, out);
    add(out, "error", str_from(err_info(e)->wire));
    add(out, "error_description", describe_failure(rq));
    end_answer(rq, ix, out);
    return true;
}

void interaction_deny(struct rq *rq, struct interaction *ix, struct authorize_answer *out)
{
    fail(rq, ERR_ACCESS_DENIED, "The person did not allow it.");
    end_flow(rq, ix);
    interaction_refuse(rq, ix, out);
}
