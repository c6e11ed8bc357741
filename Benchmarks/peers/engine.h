/* What a storage engine offers to the workloads. One engine for each executable; every write is durable when its call returns. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define KEY_BYTES 16
#define VALUE_BYTES 300

extern const char *engine_name;

/* Opens the store in an existing folder, making it if there is none. 0 on success. */
int engine_open(const char *folder);
void engine_close(void);

/* What a thread keeps between its calls; every thread has its own. */
void *engine_thread(void);
void engine_thread_end(void *thread);

/* One transaction: `count` keys one after another, a pointer to each value; `ascending` says that the keys rise and lie behind all that are there. 0 on success. */
int engine_put(void *thread, const uint8_t *keys, const uint8_t *const *values, size_t count, int ascending);
/* One transaction. 0 on success. */
int engine_delete(void *thread, const uint8_t *keys, size_t count);
/* Gives back what space it can, by the means the engine has for it. 0 on success. */
int engine_compact(void);
/* A snapshot of its own for each call; copies the value. Its length, or -1. */
long engine_get(void *thread, const uint8_t *key, uint8_t *value);
/* One snapshot: up to `limit` records from a key on; adds the first 8 bytes of each value to `sum`. How many there were. */
size_t engine_scan(void *thread, const uint8_t *from, size_t limit, uint64_t *sum);
