/* args: "--name value" and operands -> values, by the table of the subcommand.
 *
 * Two passes over one list: each word becomes a (option, value) pair or an operand, then what is
 * required is looked for. Options are few, so a linear search serves. Abbreviations are not
 * taken: they would turn a new option into a break of old scripts.
 */
#include "cmd/args.h"

#include "config/suggest.h"

struct pair {
    const struct option *option;
    str value;
};

struct args {
    struct pair *pairs;
    size_t n;
    str *operands;
    size_t operands_n;
};

const struct option args_common[] = {
    {"db", "URL", false, false, "where the store is: sqlite:PATH or postgresql://..."},
    {"master-key", "FILE", false, false, "the key that seals the keys in the store"},
    {"config", "FILE", false, false, "a settings file (YAML)"},
    {"set", "NAME=VALUE", true, false, "any setting, see `postern config --reference`"},
    {"json", NULL, false, false, "print one JSON object, or one array"},
    {"help", NULL, false, false, "say what this subcommand does"},
};
const size_t args_common_n = sizeof args_common / sizeof *args_common;

static const struct option *find_in(const struct option *table, size_t n, str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, str_from(table[i].name)))
            return &table[i];
    return NULL;
}

static const struct option *find(const struct cmd *c, str name)
{
    const struct option *o = find_in(c->command->options, c->command->options_n, name);
    return o ? o : find_in(args_common, args_common_n, name);
}

static str words(const struct cmd *c)
{
    return arena_printf((struct arena *)&c->arena, "postern %s%s%s", c->set->name,
                        *c->command->name ? " " : "", c->command->name);
}

static int unknown(const struct cmd *c, str name)
{
    struct suggest near;
    suggest_init(&near, name);
    for (size_t i = 0; i < c->command->options_n; i++)
        suggest_offer(&near, c->command->options[i].name);
    for (size_t i = 0; i < args_common_n; i++)
        suggest_offer(&near, args_common[i].name);
    if (near.best) {
        return cmd_fail(CMD_USAGE, "unknown option `--%.*s`; did you mean `--%s`?", STR_ARG(name),
                        near.best);
    }
    return cmd_fail(CMD_USAGE, "unknown option `--%.*s`; `%.*s --help` lists them", STR_ARG(name),
                    STR_ARG(words(c)));
}

static int add(struct cmd *c, const struct option *o, str value)
{
    struct args *a = c->args;
    for (size_t i = 0; i < a->n && !o->many; i++)
        if (a->pairs[i].option == o)
            return cmd_fail(CMD_USAGE, "`--%s` is given twice", o->name);
    a->pairs[a->n++] = (struct pair){o, value};
    return CMD_DONE;
}

/* One "--..." word; may take the next one. */
static int take_option(struct cmd *c, int argc, char **argv, int *i)
{
    str name, value;
    bool has_value = str_cut(str_from(argv[*i] + 2), '=', &name, &value);
    const struct option *o = find(c, name);
    if (!o)
        return unknown(c, name);
    if (!o->value && has_value)
        return cmd_fail(CMD_USAGE, "`--%s` takes no value", o->name);
    if (o->value && !has_value) {
        if (*i + 1 == argc)
            return cmd_fail(CMD_USAGE, "`--%s` needs a value: %s", o->name, o->value);
        value = str_from(argv[++*i]);
    }
    return add(c, o, value);
}

static int check_required(const struct cmd *c)
{
    for (size_t i = 0; i < c->command->options_n; i++) {
        const struct option *o = &c->command->options[i];
        if (o->required && !args_has(c, o->name)) {
            return cmd_fail(CMD_USAGE, "`--%s %s` is missing; see `%.*s --help`", o->name, o->value,
                            STR_ARG(words(c)));
        }
    }
    return CMD_DONE;
}

static int check_operands(const struct cmd *c)
{
    const char *operand = c->command->operand;
    size_t n = c->args->operands_n;
    if (operand && *operand != '[' && n == 0)
        return cmd_fail(CMD_USAGE, "%s is missing; see `%.*s --help`", operand, STR_ARG(words(c)));
    size_t most = !operand ? 0 : str_ends(str_from(operand), STR("...")) ? n : 1;
    if (n > most) {
        str extra = c->args->operands[most];
        return cmd_fail(CMD_USAGE, "`%.*s` is one word too many; see `%.*s --help`", STR_ARG(extra),
                        STR_ARG(words(c)));
    }
    return CMD_DONE;
}

int args_parse(struct cmd *c, int argc, char **argv)
{
    struct args *a = c->args = ARENA_NEW(&c->arena, struct args);
    a->pairs = ARENA_ARRAY(&c->arena, struct pair, (size_t)argc + 1);
    a->operands = ARENA_ARRAY(&c->arena, str, (size_t)argc + 1);
    bool options = true;
    for (int i = 0; i < argc; i++) {
        str word = str_from(argv[i]);
        int code = CMD_DONE;
        if (options && str_eq(word, STR("--")))
            options = false;
        else if (options && str_eq(word, STR("-h")))
            code = add(c, find(c, STR("help")), STR(""));
        else if (options && str_starts(word, STR("--")))
            code = take_option(c, argc, argv, &i);
        else if (options && word.n > 1 && word.p[0] == '-')
            code = cmd_fail(CMD_USAGE, "`%s` is no option: options begin with two dashes", argv[i]);
        else
            a->operands[a->operands_n++] = word;
        if (code)
            return code;
    }
    c->json = args_has(c, "json");
    if (args_has(c, "help"))
        return CMD_DONE;
    int code = check_required(c);
    return code ? code : check_operands(c);
}

bool args_has(const struct cmd *c, const char *option)
{
    return args_get(c, option).p != NULL;
}

str args_get(const struct cmd *c, const char *option)
{
    for (size_t i = 0; i < c->args->n; i++) {
        if (strcmp(c->args->pairs[i].option->name, option) == 0) {
            str value = c->args->pairs[i].value;
            return value.p ? value : STR("");
        }
    }
    return (str){0};
}

size_t args_all(const struct cmd *c, const char *option, str **values)
{
    size_t n = 0;
    *values = ARENA_ARRAY((struct arena *)&c->arena, str, c->args->n + 1);
    for (size_t i = 0; i < c->args->n; i++)
        if (strcmp(c->args->pairs[i].option->name, option) == 0)
            (*values)[n++] = c->args->pairs[i].value;
    return n;
}

str args_operand(const struct cmd *c)
{
    return c->args->operands_n ? c->args->operands[0] : (str){0};
}

size_t args_operands(const struct cmd *c, str **operands)
{
    *operands = c->args->operands;
    return c->args->operands_n;
}
