/* user_claims: what the store says about a user beside his names: claims, as a JSON object.
 *
 * Standard ones (OIDC Core 5.1) must have their type, since relying parties count on it; custom
 * ones may be any JSON. Claims that have a place of their own (email) are refused with that place.
 */
#ifndef CMD_USER_CLAIMS_H
#define CMD_USER_CLAIMS_H

#include "cmd/cmd.h"
#include "codec/json.h"

/* May the claim have that value? `label` names the source in the refusal. */
int user_claims_check(const char *label, str name, const struct json *value);
/* Replaces the claim in the object *claims; value == NULL takes it away. */
int user_claims_put(struct arena *a, const char *label, str *claims, str name,
                    const struct json *value);
/* "NAME=VALUE" (a text) or "NAME:=JSON". */
int user_claims_option(struct arena *a, const char *label, str text, str *claims);
/* The text of a claim; p == NULL when there is none of that name, or it is no text. */
str user_claims_text(struct arena *a, str claims, str name);

#endif
