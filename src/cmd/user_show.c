/* user_show: the members of a user on stdout, in one order everywhere.
 *
 * Of the password only the kind of its hash is shown, so that an operator sees who still has an
 * imported one; the hash itself never leaves the store.
 */
#include "cmd/user_show.h"

#include "cmd/user_claims.h"

/* What made the hash; p == NULL: there is no password. */
static str kind_of(str password)
{
    static const char *const fronts[][2] = {
        {"$argon2id$", "argon2id"}, {"$argon2i$", "argon2i"}, {"$2", "bcrypt"},
        {"$7$", "scrypt"},          {"$scrypt$", "scrypt"},   {"$y$", "yescrypt"},
        {"$pbkdf2", "pbkdf2"},      {"pbkdf2_", "pbkdf2"},
    };
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++)
        if (str_starts(password, str_from(fronts[i][0])))
            return str_from(fronts[i][1]);
    return password.n ? STR("other") : (str){0};
}

void user_show_object(struct show *s, const struct user *u)
{
    str claims = u->claims.n ? u->claims : STR("{}");
    show_object(s);
    show_uid(s, "id", &u->id, USER_SID, SPELLING_UUID);
    show_uid(s, "user_sid", &u->id, USER_SID, SPELLING_SID);
    show_id(s, "organization", &u->organization);
    show_text(s, "username", u->username);
    show_text(s, "email", u->email);
    show_bool(s, "email_verified", u->email_verified);
    show_text(s, "name", user_claims_text(&s->scratch, claims, STR("name")));
    show_json(s, "claims", claims);
    show_words(s, "roles", u->roles);
    show_text(s, "password_kind", kind_of(u->password));
    show_time(s, "password_set", u->password_s);
    show_bool(s, "enabled", u->enabled);
    show_time(s, "created", u->created_s);
    show_time(s, "updated", u->updated_s);
    show_object_end(s);
}

int user_show_one(struct cmd *c, const struct user *u)
{
    struct show s;
    show_begin(&s, c, SHOW_ONE, "");
    user_show_object(&s, u);
    return show_end(&s);
}
