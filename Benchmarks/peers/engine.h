/* What a storage engine offers to the workload: durable puts, nothing else. One engine for each executable. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define KEY_BYTES 16
#define VALUE_BYTES 300

extern const char *engine_name;

/* Opens an empty store in an existing folder; every put is durable when it returns. 0 on success. */
int engine_open(const char *folder);
/* Puts one record in a transaction of its own; called by any thread. 0 on success. */
int engine_put(const uint8_t key[KEY_BYTES], const uint8_t value[VALUE_BYTES]);
void engine_close(void);
