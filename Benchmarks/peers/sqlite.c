/* SQLite behind engine.h: write-ahead log, synchronous=FULL; one writing connection behind a mutex (faster than polling for the lock), one reading connection for each thread. */
#include "engine.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct connection { sqlite3 *database; sqlite3_stmt *get, *scan, *put, *delete, *begin, *commit; };

const char *engine_name = "sqlite";
static char path[4096];
static struct connection writer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int prepare(sqlite3 *database, const char *text, sqlite3_stmt **statement) {
  return sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

static int connect_to(struct connection *c) {
  const char *schema = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-524288; PRAGMA mmap_size=8589934592;"
                       "CREATE TABLE IF NOT EXISTS record(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";
  if (sqlite3_open_v2(path, &c->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)) return 1;
  sqlite3_busy_timeout(c->database, 10000);
  return sqlite3_exec(c->database, schema, NULL, NULL, NULL) || prepare(c->database, "SELECT value FROM record WHERE key=?", &c->get)
      || prepare(c->database, "SELECT value FROM record WHERE key>=? ORDER BY key LIMIT ?", &c->scan)
      || prepare(c->database, "INSERT OR REPLACE INTO record VALUES(?,?)", &c->put) || prepare(c->database, "DELETE FROM record WHERE key=?", &c->delete)
      || prepare(c->database, "BEGIN IMMEDIATE", &c->begin) || prepare(c->database, "COMMIT", &c->commit);
}

static void disconnect(struct connection *c) {
  sqlite3_stmt *all[] = {c->get, c->scan, c->put, c->delete, c->begin, c->commit};
  for (int i = 0; i < 6; i++) sqlite3_finalize(all[i]);
  sqlite3_close(c->database);
}

static int step(sqlite3_stmt *statement) {
  int result = sqlite3_step(statement);
  sqlite3_reset(statement);
  return result != SQLITE_DONE;
}

int engine_open(const char *folder) {
  snprintf(path, sizeof path, "%s/data.sqlite", folder);
  return connect_to(&writer);
}

void engine_close(void) { disconnect(&writer); }

void *engine_thread(void) {
  struct connection *c = calloc(1, sizeof *c);
  if (connect_to(c)) abort();
  return c;
}

void engine_thread_end(void *thread) {
  disconnect(thread);
  free(thread);
}

static int write_all(sqlite3_stmt *statement, const uint8_t *keys, const uint8_t *const *values, size_t count) {
  pthread_mutex_lock(&lock);
  int failed = count > 1 && step(writer.begin);
  for (size_t i = 0; i < count && !failed; i++) {
    sqlite3_bind_blob(statement, 1, keys + i * KEY_BYTES, KEY_BYTES, SQLITE_STATIC);
    if (values) sqlite3_bind_blob(statement, 2, values[i], VALUE_BYTES, SQLITE_STATIC);
    failed = step(statement);
  }
  if (count > 1 && !failed) failed = step(writer.commit);
  pthread_mutex_unlock(&lock);
  return failed;
}

int engine_put(void *thread, const uint8_t *keys, const uint8_t *const *values, size_t count, int ascending) {
  (void)thread, (void)ascending;
  return write_all(writer.put, keys, values, count);
}

int engine_delete(void *thread, const uint8_t *keys, size_t count) {
  (void)thread;
  return write_all(writer.delete, keys, NULL, count);
}

long engine_get(void *thread, const uint8_t *key, uint8_t *value) {
  struct connection *c = thread;
  long length = -1;
  sqlite3_bind_blob(c->get, 1, key, KEY_BYTES, SQLITE_STATIC);
  if (sqlite3_step(c->get) == SQLITE_ROW) {
    length = sqlite3_column_bytes(c->get, 0);
    memcpy(value, sqlite3_column_blob(c->get, 0), (size_t)length);
  }
  sqlite3_reset(c->get);
  return length;
}

size_t engine_scan(void *thread, const uint8_t *from, size_t limit, uint64_t *sum) {
  struct connection *c = thread;
  size_t count = 0;
  sqlite3_bind_blob(c->scan, 1, from, KEY_BYTES, SQLITE_STATIC);
  sqlite3_bind_int64(c->scan, 2, limit > INT64_MAX ? -1 : (sqlite3_int64)limit);
  for (; sqlite3_step(c->scan) == SQLITE_ROW; count++) {
    uint64_t word;
    memcpy(&word, sqlite3_column_blob(c->scan, 0), 8);
    *sum += word;
  }
  sqlite3_reset(c->scan);
  return count;
}

int engine_compact(void) {
  return sqlite3_exec(writer.database, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);", NULL, NULL, NULL) != SQLITE_OK;
}
