/* token: character classes, by table and eight bytes at a time.
 *
 * Every byte of every head passes through here, so the common answer ("nothing special in these
 * eight bytes") is found with arithmetic on one word; only words that hold something below a
 * space, or a DEL, are looked at byte by byte.
 */
#include "http/token.h"

const bool http_token_chars[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
    ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1, ['0'] = 1,
    ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1,  ['7'] = 1, ['8'] = 1,
    ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,  ['F'] = 1, ['G'] = 1,
    ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1,  ['N'] = 1, ['O'] = 1,
    ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1,  ['V'] = 1, ['W'] = 1,
    ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1,  ['d'] = 1, ['e'] = 1,
    ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,  ['l'] = 1, ['m'] = 1,
    ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1,  ['t'] = 1, ['u'] = 1,
    ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

bool http_is_token(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!http_is_token_char(s.p[i]))
            return false;
    return s.n > 0;
}

bool http_is_text_char(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= 0x20 && u != 0x7f) || u == '\t';
}

/* True if no byte of the word is below 0x20 or is 0x7f; may err towards false. */
static bool plain_word(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones << 7;
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    uint64_t del = w ^ (ones * 0x7f);
    uint64_t low = (w - ones * 0x20) & ~w;
    return ((low | ((del - ones) & ~del)) & tops) == 0;
}

bool http_is_text(str s)
{
    size_t i = 0;
    while (i < s.n) {
        if (s.n - i >= 8 && plain_word(s.p + i)) {
            i += 8;
            continue;
        }
        size_t end = s.n - i >= 8 ? i + 8 : s.n;
        for (; i < end; i++)
            if (!http_is_text_char(s.p[i]))
                return false;
    }
    return true;
}
