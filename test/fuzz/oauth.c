/* Fuzz target: the engine as a whole, without sockets, with a real store.
 *
 * The input is a program of requests (oauth_program.h) to a server with clients and people
 * (oauth_world.h). Each goes through the HTTP reader, the engine and a commit, and its answer is
 * judged by its bytes and by a model of what was asked before (oauth_answer.h, oauth_model.h). The
 * mutator works on lines: requests that are typical, references that are others', words of others.
 */
#include "oauth_turn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

static void run_request(str text)
{
    static struct turn t;
    struct answer a;
    struct asked q;
    struct line l;
    line_read(text, &l);
    str bytes = line_bytes(&l);
    bool whole = turn_read(&t, bytes);
    turn_begin(&t);
    if (whole) {
        model_read(&q, &t.req, l.jar);
        model_request(&q);
        turn_run(&t);
    } else {
        q = (struct asked){.req = &t.req, .jar = -1};
        oauth_refuse(&w.worker, &t.rq, t.parser.error ? t.parser.error : ERR_BAD_REQUEST,
                     "The request is not complete.");
    }
    str answered = turn_answer(&t);
    if (getenv("OAUTH_SHOW"))
        fprintf(stderr, "> %.*s\n< %.*s\n\n", STR_ARG(bytes), STR_ARG(answered));
    answer_read(&a, answered, t.req.method == HTTP_HEAD);
    answer_judge(&q, &a, answered);
    turn_end(&t, answered);
}

static void run_line(str line)
{
    int64_t s;
    if (str_starts(line, STR("sleep "))) {
        if (str_i64(str_sub(line, 6, line.n), 1, 10000000, &s))
            w.server.clock.fixed_us += s * 1000000;
        return;
    }
    if (line.n > 0 && line.p[0] != '#')
        run_request(line);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    world_make();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str rest = str_make((const char *)data, size), line;
    world_reset();
    memset(&prog, 0, sizeof prog);
    memset(&model, 0, sizeof model);
    arena_init(&prog.arena, 256 << 20);
    for (int i = 0; i < LINES && str_next(&rest, '\n', &line); i++)
        run_line(line);
    arena_free(&prog.arena);
    return 0;
}

/* ---- mutation by lines ---- */

static const char *const typical[] = {
    "POST /oauth2/token @basic0 grant_type=client_credentials",
    "POST /oauth2/token grant_type=client_credentials&client_id=$s0&client_secret=$p0",
    "GET /oauth2/authorize?client_id=$c1&redirect_uri=$r1&response_type=code&scope=openid+profile"
    "&state=xyz&code_challenge=$ch&code_challenge_method=S256",
    "GET /oauth2/authorize?client_id=$c2&redirect_uri=$r2&response_type=code&scope=openid"
    "+offline_access&code_challenge=$ch&code_challenge_method=S256&response_mode=form_post",
    "POST /sign-in flow=$flow&login=$n0&password=$w0",
    "POST /consent flow=$flow&action=allow",
    "POST /oauth2/token @basic1 grant_type=authorization_code&code=$code&redirect_uri=$r1"
    "&code_verifier=$v",
    "POST /oauth2/token client_id=$c2&grant_type=authorization_code&code=$code&code_verifier=$v"
    "&redirect_uri=$r2",
    "POST /oauth2/token @basic1 grant_type=refresh_token&refresh_token=$rt",
    "POST /oauth2/token client_id=$c2&grant_type=refresh_token&refresh_token=$rt",
    "POST /oauth2/introspect client_id=$c7&client_secret=$p7&token=$at",
    "POST /oauth2/introspect @basic1 token=$rt",
    "POST /oauth2/revoke @basic1 token=$rt",
    "POST /oauth2/revoke client_id=$c2&token=$at",
    "GET /oauth2/userinfo @bearer",
    "POST /oauth2/par @basic5 redirect_uri=$r5&response_type=code&scope=openid&code_challenge=$ch"
    "&code_challenge_method=S256",
    "GET /oauth2/authorize?client_id=$c5&request_uri=$uri",
    "POST /oauth2/device_authorization @basic1 scope=openid",
    "POST /oauth2/device_authorization client_id=$c2&scope=openid",
    "GET /device?user_code=$uc",
    "POST /device user_code=$uc&action=check",
    "POST /device device=$dev&action=allow",
    "POST /oauth2/token @basic1 grant_type=urn:ietf:params:oauth:grant-type:device_code"
    "&device_code=$dc",
    "POST /oauth2/token grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:"
    "client-assertion-type:jwt-bearer&client_assertion=$j",
    "POST /pub/oauth/token @json {\"grant_type\":\"client_credentials\",\"client_id\":\"$c6\","
    "\"client_secret\":\"$p6\"}",
    "POST /pub/oauth/token @json {\"grant_type\":\"refresh_token\",\"client_id\":\"$c6\","
    "\"refresh_token\":\"$rt\"}",
    "GET /pub/group @bearer",
    "POST /v2/token grant_type=client_credentials&client_id=$s0&client_secret=$p0",
    "POST /v1/token GrantType=refresh_token&ClientId=$s0&ClientSecret=$p0&RefreshToken=$rt",
    "GET /v1/userinfo @bearer",
    "GET /v1/authorize?client_id=$s1&redirect_uri=$r1&response_type=code&scope=openid&state=s"
    "&code_challenge=$ch&code_challenge_method=S256",
    "POST /v1/Account/OAuthApps @account0 friendly_name=x",
    "GET /oauth2/logout?client_id=$c1&post_logout_redirect_uri=https://app.example/bye"
    "&id_token_hint=$it",
    "POST /sign-out csrf=$csrf",
    "GET /account",
    "sleep 11",
    "sleep 61",
    "sleep 4000",
};

static unsigned next_random(unsigned *state, size_t below)
{
    *state = *state * 1103515245u + 12345u;
    return (unsigned)((*state >> 8) % (below ? below : 1));
}

struct lines {
    str at[LINES + 1];
    size_t n;
};

static void cut_lines(struct lines *l, const uint8_t *data, size_t size)
{
    str rest = str_make((const char *)data, size), line;
    l->n = 0;
    while (l->n < LINES && str_next(&rest, '\n', &line))
        l->at[l->n++] = line;
}

static size_t join_lines(const struct lines *l, uint8_t *data, size_t max)
{
    static char room[1 << 16];
    size_t n = 0;
    for (size_t i = 0; i < l->n && n + l->at[i].n + 1 <= sizeof room; i++) {
        memcpy(room + n, l->at[i].p, l->at[i].n);
        n += l->at[i].n;
        room[n++] = '\n';
    }
    n = n < max ? n : max;
    memcpy(data, room, n);
    return n;
}

static void insert_line(struct lines *l, size_t at, str line)
{
    if (l->n == LINES)
        l->n--;
    at = at < l->n ? at : l->n;
    memmove(&l->at[at + 1], &l->at[at], (l->n - at) * sizeof l->at[0]);
    l->at[at] = line;
    l->n++;
}

/* Another digit behind a $ or an @: another client, person, browser, or an earlier answer. */
static void change_digit(uint8_t *data, size_t size, unsigned *state)
{
    size_t from = next_random(state, size);
    for (size_t i = 1; i < size; i++) {
        uint8_t *c = &data[(from + i) % size];
        bool behind_name = c > data && c[-1] >= 'a' && c[-1] <= 'z';
        if (behind_name && *c >= '0' && *c <= '9') {
            *c = (uint8_t)('0' + next_random(state, CLIENTS));
            return;
        }
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    unsigned state = seed;
    struct lines l;
    cut_lines(&l, data, size);
    size_t at = next_random(&state, l.n + 1), other = next_random(&state, l.n);
    switch (next_random(&state, 8)) {
    case 0:
    case 1:
        insert_line(&l, at,
                    str_from(typical[next_random(&state, sizeof typical / sizeof *typical)]));
        return join_lines(&l, data, max);
    case 2:
        if (l.n > 0)
            insert_line(&l, at, l.at[other]);
        return join_lines(&l, data, max);
    case 3:
        if (l.n > 1 && at < l.n) {
            memmove(&l.at[at], &l.at[at + 1], (l.n - at - 1) * sizeof l.at[0]);
            l.n--;
        }
        return join_lines(&l, data, max);
    case 4:
    case 5:
        if (size > 1)
            change_digit(data, size, &state);
        return size;
    default:
        return LLVMFuzzerMutate(data, size, max);
    }
}
