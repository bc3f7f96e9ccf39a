/* expiry: the statement by which rows whose time is over are deleted, a few at a time.
 *
 * $1: now, $2: how many at most. The rows are chosen by the index of their end. The end is looked
 * at once more outside: at READ COMMITTED a row that somebody prolongs at this moment (a session in
 * use, a code that becomes a grant) is judged again as it is after that, but the choice is not made
 * again. The plus keeps that second look from choosing the index, which would walk all that has
 * expired.
 */
#ifndef STORE_EXPIRY_H
#define STORE_EXPIRY_H

#define EXPIRY_SWEEP(table, key, end)                                                              \
    "DELETE FROM " table " WHERE " key " IN (SELECT " key " FROM " table " WHERE " end             \
    " <= $1 ORDER BY " end " LIMIT $2) AND +" end " <= $1"

#endif
