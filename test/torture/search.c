/* search: does any of many secrets lie in these files, or in the memory of that process?
 *
 *     search NEEDLES FILE...        search NEEDLES pid:N...
 *
 * NEEDLES: one per line, "NAME HEX" (the name without blanks, the bytes in hex, at least 8 of
 * them). Prints "NAME PLACE OFFSET" for each first find of a needle in a place, then "searched
 * BYTES". What a process has is read region by region from /proc/N/mem: everything that is readable
 * and private or shared memory, without the pages of files that it has only mapped to read. The
 * program's own text is not looked at, nor devices.
 *
 * A table by the first eight bytes answers for each offset; nearly all end at its filter of bits.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILTER_BITS 22
#define SLOTS_BITS  19
#define PIECE       (8u << 20)
#define OVERLAP     65536

struct needle {
    char *name;
    uint8_t *b;
    size_t n;
    struct needle *next; /* of the same slot */
    const char *found_in;
};

static struct needle **slots;
static uint8_t *filter;
static unsigned long searched;
static bool found;

static uint64_t first_eight(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v * 0x9e3779b97f4a7c15u;
}

static void add(const char *name, const char *hex)
{
    struct needle *d = calloc(1, sizeof *d);
    size_t n = strlen(hex) / 2;
    uint64_t h;

    if (n < 8 || n > OVERLAP) {
        fprintf(stderr, "search: %s has %zu bytes\n", name, n);
        exit(2);
    }
    d->name = strdup(name);
    d->b = malloc(n);
    d->n = n;
    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        d->b[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    h = first_eight(d->b);
    d->next = slots[h >> (64 - SLOTS_BITS)];
    slots[h >> (64 - SLOTS_BITS)] = d;
    filter[h >> (64 - FILTER_BITS) >> 3] |= (uint8_t)(1 << (h >> (64 - FILTER_BITS) & 7));
}

static void load(const char *file)
{
    FILE *f = fopen(file, "r");
    char *line = NULL, *hex;
    size_t room = 0;

    if (f == NULL) {
        perror(file);
        exit(2);
    }
    while (getline(&line, &room, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if ((hex = strchr(line, ' ')) == NULL)
            continue;
        *hex++ = '\0';
        add(line, hex);
    }
    free(line);
    fclose(f);
}

static void look(const uint8_t *p, size_t n, const char *place, unsigned long offset)
{
    for (size_t i = 0; i + 8 <= n; i++) {
        uint64_t h = first_eight(p + i);
        if (!(filter[h >> (64 - FILTER_BITS) >> 3] >> (h >> (64 - FILTER_BITS) & 7) & 1))
            continue;
        for (struct needle *d = slots[h >> (64 - SLOTS_BITS)]; d; d = d->next) {
            if (d->found_in == place || d->n > n - i || memcmp(d->b, p + i, d->n) != 0)
                continue;
            printf("%s %s %lx\n", d->name, place, offset + i);
            d->found_in = place;
            found = true;
        }
    }
}

/* From `from` to `to` of the descriptor, in pieces that overlap. */
static void read_range(int fd, unsigned long from, unsigned long to, const char *place)
{
    static uint8_t piece[PIECE];
    size_t kept = 0;

    while (from < to) {
        size_t want = PIECE - kept < to - from ? PIECE - kept : to - from;
        ssize_t n = pread(fd, piece + kept, want, (off_t)from);
        if (n <= 0)
            return;
        look(piece, kept + (size_t)n, place, from - kept);
        searched += (unsigned long)n;
        from += (unsigned long)n;
        size_t all = kept + (size_t)n;
        kept = all < OVERLAP ? all : OVERLAP;
        memmove(piece, piece + all - kept, kept);
    }
}

static void look_at_process(const char *place)
{
    char path[64], line[512], access[8], name[256];
    unsigned long from, to;
    FILE *maps;
    int mem;

    snprintf(path, sizeof path, "/proc/%s/maps", place + 4);
    maps = fopen(path, "r");
    snprintf(path, sizeof path, "/proc/%s/mem", place + 4);
    mem = open(path, O_RDONLY);
    if (maps == NULL || mem < 0) {
        fprintf(stderr, "search: %s: %s\n", place, strerror(errno));
        exit(2);
    }
    while (fgets(line, sizeof line, maps)) {
        name[0] = '\0';
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &from, &to, access, name) < 3)
            continue;
        if (access[0] == 'r' && access[1] == 'w' && strncmp(name, "/dev/", 5) != 0)
            read_range(mem, from, to, place);
    }
    fclose(maps);
    close(mem);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: search NEEDLES FILE|pid:N...\n");
        return 2;
    }
    slots = calloc((size_t)1 << SLOTS_BITS, sizeof *slots);
    filter = calloc((size_t)1 << (FILTER_BITS - 3), 1);
    load(argv[1]);
    for (int i = 2; i < argc; i++) {
        int fd;
        if (strncmp(argv[i], "pid:", 4) == 0) {
            look_at_process(argv[i]);
        } else if ((fd = open(argv[i], O_RDONLY)) >= 0) {
            read_range(fd, 0, ~0UL >> 1, argv[i]);
            close(fd);
        } else {
            fprintf(stderr, "search: %s: %s\n", argv[i], strerror(errno));
            return 2;
        }
    }
    printf("searched %lu\n", searched);
    return found ? 1 : 0;
}
