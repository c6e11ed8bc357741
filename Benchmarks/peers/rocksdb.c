/* RocksDB behind engine.h: synced writes, a block cache of 1 GiB, Bloom filters, no compression. */
#include "engine.h"
#include <rocksdb/c.h>
#include <stdio.h>
#include <string.h>

const char *engine_name = "rocksdb";
static rocksdb_t *database;
static rocksdb_writeoptions_t *durable;
static rocksdb_readoptions_t *reading;

static int failed(char *error) {
  if (error) fprintf(stderr, "rocksdb: %s\n", error);
  return error != NULL;
}

int engine_open(const char *folder) {
  char *error = NULL;
  rocksdb_options_t *options = rocksdb_options_create();
  rocksdb_block_based_table_options_t *blocks = rocksdb_block_based_options_create();
  rocksdb_options_set_create_if_missing(options, 1);
  rocksdb_options_increase_parallelism(options, 2);
  rocksdb_options_set_compression(options, rocksdb_no_compression);
  rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
  rocksdb_block_based_options_set_block_cache(blocks, rocksdb_cache_create_lru((size_t)1 << 30));
  rocksdb_block_based_options_set_filter_policy(blocks, rocksdb_filterpolicy_create_bloom_full(10));
  rocksdb_options_set_block_based_table_factory(options, blocks);
  durable = rocksdb_writeoptions_create();
  rocksdb_writeoptions_set_sync(durable, 1);
  reading = rocksdb_readoptions_create();
  database = rocksdb_open(options, folder, &error);
  return failed(error);
}

void engine_close(void) {
  char *error = NULL;
  rocksdb_flushoptions_t *flush = rocksdb_flushoptions_create();
  rocksdb_flush(database, flush, &error);
  failed(error);
  rocksdb_close(database);
}

void *engine_thread(void) { return database; }
void engine_thread_end(void *thread) { (void)thread; }

int engine_put(void *thread, const uint8_t *keys, const uint8_t *const *values, size_t count, int ascending) {
  char *error = NULL;
  (void)thread, (void)ascending;
  rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
  for (size_t i = 0; i < count; i++) rocksdb_writebatch_put(batch, (const char *)keys + i * KEY_BYTES, KEY_BYTES, (const char *)values[i], VALUE_BYTES);
  rocksdb_write(database, durable, batch, &error);
  rocksdb_writebatch_destroy(batch);
  return failed(error);
}

int engine_delete(void *thread, const uint8_t *keys, size_t count) {
  char *error = NULL;
  (void)thread;
  rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
  for (size_t i = 0; i < count; i++) rocksdb_writebatch_delete(batch, (const char *)keys + i * KEY_BYTES, KEY_BYTES);
  rocksdb_write(database, durable, batch, &error);
  rocksdb_writebatch_destroy(batch);
  return failed(error);
}

long engine_get(void *thread, const uint8_t *key, uint8_t *value) {
  char *error = NULL;
  size_t length;
  (void)thread;
  rocksdb_pinnableslice_t *slice = rocksdb_get_pinned(database, reading, (const char *)key, KEY_BYTES, &error);
  if (failed(error) || !slice) return -1;
  const char *bytes = rocksdb_pinnableslice_value(slice, &length);
  memcpy(value, bytes, length);
  rocksdb_pinnableslice_destroy(slice);
  return (long)length;
}

size_t engine_scan(void *thread, const uint8_t *from, size_t limit, uint64_t *sum) {
  size_t count = 0, length;
  (void)thread;
  rocksdb_iterator_t *iterator = rocksdb_create_iterator(database, reading);
  for (rocksdb_iter_seek(iterator, (const char *)from, KEY_BYTES); count < limit && rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator), count++) {
    uint64_t word;
    memcpy(&word, rocksdb_iter_value(iterator, &length), 8);
    *sum += word;
  }
  rocksdb_iter_destroy(iterator);
  return count;
}

int engine_compact(void) {
  rocksdb_compact_range(database, NULL, 0, NULL, 0);
  return 0;
}
