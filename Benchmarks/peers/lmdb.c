/* LMDB behind engine.h: one environment, default (fully durable) flags, each put its own write transaction. */
#include "engine.h"
#include <lmdb.h>

const char *engine_name = "lmdb";
static MDB_env *environment;
static MDB_dbi table;

int engine_open(const char *folder) {
  MDB_txn *transaction;
  return mdb_env_create(&environment) || mdb_env_set_mapsize(environment, (size_t)8 << 30) || mdb_env_set_maxreaders(environment, 256)
      || mdb_env_open(environment, folder, MDB_NOTLS, 0600) || mdb_txn_begin(environment, NULL, 0, &transaction)
      || mdb_dbi_open(transaction, NULL, 0, &table) || mdb_txn_commit(transaction);
}

int engine_put(const uint8_t key[KEY_BYTES], const uint8_t value[VALUE_BYTES]) {
  MDB_txn *transaction;
  MDB_val k = {KEY_BYTES, (void *)key}, v = {VALUE_BYTES, (void *)value};
  if (mdb_txn_begin(environment, NULL, 0, &transaction)) return 1;
  if (mdb_put(transaction, table, &k, &v, 0)) { mdb_txn_abort(transaction); return 1; }
  return mdb_txn_commit(transaction);
}

void engine_close(void) { mdb_env_close(environment); }
