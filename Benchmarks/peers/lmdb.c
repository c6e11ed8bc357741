/* LMDB behind engine.h: one environment, default (fully durable) flags, each thread's read transaction renewed for each call. */
#include "engine.h"
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *engine_name = "lmdb";
static MDB_env *environment;
static MDB_dbi table;
struct reader { MDB_txn *transaction; MDB_cursor *cursor; };

static char place[4096];

int engine_open(const char *folder) {
  snprintf(place, sizeof place, "%s", folder);
  MDB_txn *transaction;
  return mdb_env_create(&environment) || mdb_env_set_mapsize(environment, (size_t)32 << 30) || mdb_env_set_maxreaders(environment, 256)
      || mdb_env_open(environment, folder, MDB_NOTLS | MDB_NORDAHEAD, 0600) || mdb_txn_begin(environment, NULL, 0, &transaction)
      || mdb_dbi_open(transaction, NULL, 0, &table) || mdb_txn_commit(transaction);
}

void engine_close(void) { mdb_env_close(environment); }

void *engine_thread(void) {
  struct reader *reader = malloc(sizeof *reader);
  if (mdb_txn_begin(environment, NULL, MDB_RDONLY, &reader->transaction) || mdb_cursor_open(reader->transaction, table, &reader->cursor)) abort();
  mdb_txn_reset(reader->transaction);
  return reader;
}

void engine_thread_end(void *thread) {
  struct reader *reader = thread;
  mdb_cursor_close(reader->cursor);
  mdb_txn_abort(reader->transaction);
  free(reader);
}

int engine_put(void *thread, const uint8_t *keys, const uint8_t *const *values, size_t count, int ascending) {
  MDB_txn *transaction;
  (void)thread;
  if (mdb_txn_begin(environment, NULL, 0, &transaction)) return 1;
  for (size_t i = 0; i < count; i++) {
    MDB_val key = {KEY_BYTES, (void *)(keys + i * KEY_BYTES)}, value = {VALUE_BYTES, (void *)values[i]};
    if (mdb_put(transaction, table, &key, &value, ascending ? MDB_APPEND : 0)) { mdb_txn_abort(transaction); return 1; }
  }
  return mdb_txn_commit(transaction);
}

int engine_delete(void *thread, const uint8_t *keys, size_t count) {
  MDB_txn *transaction;
  (void)thread;
  if (mdb_txn_begin(environment, NULL, 0, &transaction)) return 1;
  for (size_t i = 0; i < count; i++) {
    MDB_val key = {KEY_BYTES, (void *)(keys + i * KEY_BYTES)};
    if (mdb_del(transaction, table, &key, NULL)) { mdb_txn_abort(transaction); return 1; }
  }
  return mdb_txn_commit(transaction);
}

long engine_get(void *thread, const uint8_t *key, uint8_t *value) {
  struct reader *reader = thread;
  MDB_val k = {KEY_BYTES, (void *)key}, v;
  long length = -1;
  if (mdb_txn_renew(reader->transaction)) return -1;
  if (!mdb_get(reader->transaction, table, &k, &v)) memcpy(value, v.mv_data, v.mv_size), length = (long)v.mv_size;
  mdb_txn_reset(reader->transaction);
  return length;
}

size_t engine_scan(void *thread, const uint8_t *from, size_t limit, uint64_t *sum) {
  struct reader *reader = thread;
  MDB_val key = {KEY_BYTES, (void *)from}, value;
  size_t count = 0;
  if (mdb_txn_renew(reader->transaction) || mdb_cursor_renew(reader->transaction, reader->cursor)) return 0;
  for (int result = mdb_cursor_get(reader->cursor, &key, &value, MDB_SET_RANGE); !result && count < limit; count++) {
    uint64_t word;
    memcpy(&word, value.mv_data, 8);
    *sum += word;
    result = mdb_cursor_get(reader->cursor, &key, &value, MDB_NEXT);
  }
  mdb_txn_reset(reader->transaction);
  return count;
}

/* As mdb_copy -c does it: a copy without free pages, which then takes the place of the file. */
int engine_compact(void) {
  char copy[4200], file[4200];
  snprintf(copy, sizeof copy, "%s/copy", place);
  snprintf(file, sizeof file, "%s/data.mdb", place);
  int descriptor = open(copy, O_CREAT | O_TRUNC | O_RDWR, 0600);
  if (descriptor < 0 || mdb_env_copyfd2(environment, descriptor, MDB_CP_COMPACT) || fdatasync(descriptor) || close(descriptor)) return 1;
  mdb_env_close(environment);
  return rename(copy, file) || engine_open(place);
}
