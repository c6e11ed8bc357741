/* SQLite behind engine.h: write-ahead log, synchronous=FULL, one writing connection behind a mutex (faster than polling for the lock). */
#include "engine.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

const char *engine_name = "sqlite";
static sqlite3 *database;
static sqlite3_stmt *put;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int engine_open(const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/data.sqlite", folder);
  const char *schema = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-262144;"
                       "CREATE TABLE record(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";
  return sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)
      || sqlite3_exec(database, schema, NULL, NULL, NULL)
      || sqlite3_prepare_v3(database, "INSERT OR REPLACE INTO record VALUES(?,?)", -1, SQLITE_PREPARE_PERSISTENT, &put, NULL);
}

int engine_put(const uint8_t key[KEY_BYTES], const uint8_t value[VALUE_BYTES]) {
  pthread_mutex_lock(&lock);
  sqlite3_bind_blob(put, 1, key, KEY_BYTES, SQLITE_STATIC);
  sqlite3_bind_blob(put, 2, value, VALUE_BYTES, SQLITE_STATIC);
  int result = sqlite3_step(put);
  sqlite3_reset(put);
  pthread_mutex_unlock(&lock);
  return result != SQLITE_DONE;
}

void engine_close(void) {
  sqlite3_finalize(put);
  sqlite3_close(database);
}
