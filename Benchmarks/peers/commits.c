/* usage: <engine> FOLDER WRITERS SECONDS: durable puts by so many threads, each waiting for its own; prints one JSON line.
 *
 * Keys are two SplitMix64 outputs of a counter shared by all threads, values are 300 bytes of the same; userd-bench uses the same. */
#include "records.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_WRITERS 256
#define MAX_SAMPLES 200000

static _Atomic uint64_t next_record;
static atomic_int stopping;
static pthread_barrier_t start_line;
struct writer { pthread_t thread; uint64_t count; size_t samples; float *microseconds; };

static void *write_records(void *argument) {
  struct writer *me = argument;
  uint8_t key[KEY_BYTES], value[VALUE_BYTES];
  const uint8_t *values[1] = {value};
  void *thread = engine_thread();
  pthread_barrier_wait(&start_line);
  while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
    uint64_t record = atomic_fetch_add(&next_record, 1);
    key_of(record, key);
    for (size_t i = 0; i < VALUE_BYTES; i += 4) {
      uint32_t word = (uint32_t)split_mix(record ^ i << 40);
      memcpy(value + i, &word, 4);
    }
    double began = now();
    if (engine_put(thread, key, values, 1, 0)) { fprintf(stderr, "%s: a put failed\n", engine_name); exit(1); }
    if (me->samples < MAX_SAMPLES) me->microseconds[me->samples++] = (float)((now() - began) * 1e6);
    me->count++;
  }
  engine_thread_end(thread);
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 4) { fprintf(stderr, "usage: %s FOLDER WRITERS SECONDS\n", arguments[0]); return 64; }
  int writers = atoi(arguments[2]);
  double seconds = atof(arguments[3]);
  if (writers < 1 || writers > MAX_WRITERS || seconds <= 0) { fprintf(stderr, "writers: 1 to %d; seconds: above 0\n", MAX_WRITERS); return 64; }
  if (engine_open(arguments[1])) { fprintf(stderr, "%s: cannot open %s\n", engine_name, arguments[1]); return 74; }
  static struct writer all[MAX_WRITERS];
  pthread_barrier_init(&start_line, NULL, (unsigned)writers + 1);
  for (int i = 0; i < writers; i++) {
    all[i].microseconds = malloc(MAX_SAMPLES * sizeof(float));
    pthread_create(&all[i].thread, NULL, write_records, &all[i]);
  }
  pthread_barrier_wait(&start_line);
  double began = now();
  nanosleep(&(struct timespec){(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)}, NULL);
  atomic_store(&stopping, 1);
  uint64_t commits = 0;
  size_t samples = 0;
  for (int i = 0; i < writers; i++) {
    pthread_join(all[i].thread, NULL);
    commits += all[i].count;
    samples += all[i].samples;
  }
  double elapsed = now() - began;
  float *merged = malloc(samples * sizeof(float));
  size_t filled = 0;
  for (int i = 0; i < writers; i++) {
    memcpy(merged + filled, all[i].microseconds, all[i].samples * sizeof(float));
    filled += all[i].samples;
  }
  qsort(merged, samples, sizeof(float), ascending_floats);
  printf("{\"engine\":\"%s\",\"writers\":%d,\"mode\":\"waiting\",\"commitsPerSecond\":%.0f,\"p50Microseconds\":%.1f,\"p99Microseconds\":%.1f}\n",
         engine_name, writers, (double)commits / elapsed, samples ? merged[samples / 2] : 0, samples ? merged[samples * 99 / 100] : 0);
  engine_close();
  return 0;
}
