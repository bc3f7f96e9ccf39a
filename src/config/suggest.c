/* suggest: the name nearest to a misspelt one.
 *
 * Optimal string alignment distance (insert, delete, replace, swap of neighbours), in two rows of
 * a small table. A name counts as near when at most a third of the word differs, and never more
 * than three characters: a wrong hint is worse than none. Words too long for a name are not
 * looked at.
 */
#include "config/suggest.h"

enum { LONGEST = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(str a, str b)
{
    size_t rows[3][LONGEST + 1];
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t changed = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            row[j] = least(changed, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.n % 3][b.n];
}

void suggest_init(struct suggest *s, str word)
{
    *s = (struct suggest){.word = word, .best = NULL, .distance = least(word.n / 3 + 1, 3) + 1};
}

void suggest_offer(struct suggest *s, const char *name)
{
    str candidate = str_from(name);
    if (s->word.n == 0 || s->word.n > LONGEST || candidate.n > LONGEST)
        return;
    size_t d = distance(s->word, candidate);
    if (d < s->distance) {
        s->best = name;
        s->distance = d;
    }
}
