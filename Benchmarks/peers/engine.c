/* usage: <engine> FOLDER RECORDS SECONDS PHASE...: loads, reads and writes as `userd-bench engine` does; one JSON line for each phase.
 *
 * Phases: load randomload scan range get1 get2 mix2 put1 put64 queue64 delete compact crash open (Benchmarks/engine.py says what they mean). */
#include "records.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH 1000
#define POOL ((size_t)1 << 20)
#define MAX_SAMPLES 200000
#define MAX_THREADS 256

static size_t records;
static double seconds;
static uint8_t pool[POOL + VALUE_BYTES];

static const uint8_t *value_of(uint64_t record) { return pool + split_mix(record ^ 0x5555) % POOL; }

static void fail(const char *what) {
  fprintf(stderr, "%s: %s failed\n", engine_name, what);
  exit(1);
}

static void report(const char *phase, double count, double elapsed, float *microseconds, size_t samples) {
  printf("{\"engine\":\"%s\",\"phase\":\"%s\",\"records\":%zu,\"perSecond\":%.0f", engine_name, phase, records, count / elapsed);
  if (samples) {
    qsort(microseconds, samples, sizeof *microseconds, ascending_floats);
    printf(",\"p50Microseconds\":%.1f,\"p99Microseconds\":%.1f", microseconds[samples / 2], microseconds[samples * 99 / 100]);
  }
  printf("}\n");
  fflush(stdout);
}

/* ---- loads and deletions: 1000 a transaction ---- */

struct numbered { uint8_t key[KEY_BYTES]; uint32_t record; };

static int ascending_keys(const void *a, const void *b) { return memcmp(a, b, KEY_BYTES); }

static void load(const char *phase, int ascending) {
  struct numbered *all = NULL;
  uint8_t keys[BATCH * KEY_BYTES];
  const uint8_t *values[BATCH];
  if (ascending) {
    if (!(all = malloc(records * sizeof *all))) fail("malloc");
    for (size_t i = 0; i < records; i++) key_of(i, all[i].key), all[i].record = (uint32_t)i;
    qsort(all, records, sizeof *all, ascending_keys);
  }
  void *thread = engine_thread();
  double began = now();
  for (size_t i = 0; i < records;) {
    size_t count = 0;
    for (; count < BATCH && i < records; count++, i++) {
      if (ascending) memcpy(keys + count * KEY_BYTES, all[i].key, KEY_BYTES); else key_of(i, keys + count * KEY_BYTES);
      values[count] = value_of(ascending ? all[i].record : i);
    }
    if (engine_put(thread, keys, values, count, ascending)) fail("a put");
  }
  report(phase, (double)records, now() - began, NULL, 0);
  engine_thread_end(thread);
  free(all);
}

static int is_deleted(uint64_t record) { return split_mix(record ^ 0xdead) & 1; }

static void delete_half(void) {
  uint8_t keys[BATCH * KEY_BYTES], key[KEY_BYTES], value[VALUE_BYTES];
  void *thread = engine_thread();
  size_t waiting = 0, deleted = 0;
  double began = now();
  for (size_t i = 0; i < records; i++) {
    if (is_deleted(i)) key_of(i, keys + waiting++ * KEY_BYTES), deleted++;
    if (waiting == BATCH || (i + 1 == records && waiting)) {
      if (engine_delete(thread, keys, waiting)) fail("a deletion");
      waiting = 0;
    }
  }
  report("delete", (double)deleted, now() - began, NULL, 0);
  for (size_t i = 0; i < records && i < 1000; i++) {
    key_of(i, key);
    if ((engine_get(thread, key, value) < 0) != is_deleted(i)) fail("the check of deletions");
  }
  engine_thread_end(thread);
}

/* ---- timed phases ---- */

enum kind { GET, RANGE, MIX, PUT, QUEUE };
struct job { enum kind kind; unsigned number; uint64_t count; size_t samples; float *microseconds; pthread_t thread; };
static atomic_int stopping;
static _Atomic uint64_t next_record;
static pthread_barrier_t start_line;

/* A queue in front of an engine that does not group commits: waiting writers are committed together by one of them. */
struct waiting { uint8_t key[KEY_BYTES]; const uint8_t *value; sem_t wake; int leads; struct waiting *next; };
static struct waiting *queue, **queue_end = &queue;
static int has_leader;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;

static void queue_put(void *thread, struct waiting *me) {
  uint8_t keys[MAX_THREADS * KEY_BYTES];
  const uint8_t *values[MAX_THREADS];
  size_t count = 0;
  pthread_mutex_lock(&queue_lock);
  me->next = NULL, me->leads = 0;
  *queue_end = me, queue_end = &me->next;
  if (has_leader) {
    pthread_mutex_unlock(&queue_lock);
    while (sem_wait(&me->wake)) {}
    if (!me->leads) return;
    pthread_mutex_lock(&queue_lock);
  }
  has_leader = 1;
  struct waiting *all = queue;
  queue = NULL, queue_end = &queue;
  pthread_mutex_unlock(&queue_lock);
  for (struct waiting *each = all; each; each = each->next) {
    memcpy(keys + count * KEY_BYTES, each->key, KEY_BYTES);
    values[count++] = each->value;
  }
  if (engine_put(thread, keys, values, count, 0)) fail("a put");
  pthread_mutex_lock(&queue_lock);
  if (queue) queue->leads = 1, sem_post(&queue->wake); else has_leader = 0;
  pthread_mutex_unlock(&queue_lock);
  for (struct waiting *each = all, *next; each; each = next) {
    next = each->next;
    if (each != me) sem_post(&each->wake);
  }
}

static void put_record(void *thread, uint64_t record) {
  uint8_t key[KEY_BYTES];
  const uint8_t *value = value_of(record);
  key_of(record, key);
  if (engine_put(thread, key, &value, 1, 0)) fail("a put");
}

static void get_record(void *thread, uint64_t record) {
  uint8_t key[KEY_BYTES], value[VALUE_BYTES];
  key_of(record, key);
  if (engine_get(thread, key, value) != VALUE_BYTES || memcmp(value, value_of(record), 8)) fail("a get");
}

static void *work(void *argument) {
  struct job *me = argument;
  uint64_t random = split_mix(me->number + 77), sum = 0;
  uint8_t key[KEY_BYTES];
  void *thread = engine_thread();
  struct waiting waiting;
  sem_init(&waiting.wake, 0, 0);
  pthread_barrier_wait(&start_line);
  while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    uint64_t record = split_mix(random) % records;
    int is_timed = (me->kind == PUT || me->kind == QUEUE) && me->samples < MAX_SAMPLES;
    double began = is_timed ? now() : 0;
    switch (me->kind) {
    case GET: get_record(thread, record); break;
    case RANGE:
      key_of(record, key);
      if (!engine_scan(thread, key, 100, &sum)) fail("a scan");
      break;
    case MIX:
      if (split_mix(random + 1) % 100 < 5) put_record(thread, record); else get_record(thread, record);
      break;
    case PUT: put_record(thread, atomic_fetch_add(&next_record, 1)); break;
    case QUEUE:
      record = atomic_fetch_add(&next_record, 1);
      key_of(record, waiting.key);
      waiting.value = value_of(record);
      queue_put(thread, &waiting);
      break;
    }
    if (is_timed) me->microseconds[me->samples++] = (float)((now() - began) * 1e6);
    me->count++;
  }
  engine_thread_end(thread);
  return NULL;
}

static void timed(const char *phase, enum kind kind, unsigned threads) {
  static struct job jobs[MAX_THREADS];
  uint64_t count = 0;
  size_t samples = 0;
  atomic_store(&stopping, 0);
  pthread_barrier_init(&start_line, NULL, threads + 1);
  for (unsigned i = 0; i < threads; i++) {
    jobs[i] = (struct job){.kind = kind, .number = i, .microseconds = malloc(MAX_SAMPLES * sizeof(float))};
    pthread_create(&jobs[i].thread, NULL, work, &jobs[i]);
  }
  pthread_barrier_wait(&start_line);
  double began = now();
  usleep((useconds_t)(seconds * 1e6));
  atomic_store(&stopping, 1);
  for (unsigned i = 0; i < threads; i++) {
    pthread_join(jobs[i].thread, NULL);
    count += jobs[i].count, samples += jobs[i].samples;
  }
  double elapsed = now() - began;
  float *all = malloc((samples + 1) * sizeof *all);
  samples = 0;
  for (unsigned i = 0; i < threads; i++) {
    memcpy(all + samples, jobs[i].microseconds, jobs[i].samples * sizeof *all);
    samples += jobs[i].samples;
    free(jobs[i].microseconds);
  }
  report(phase, (double)count, elapsed, all, samples);
  free(all);
}

static void scan_all(void) {
  uint8_t lowest[KEY_BYTES] = {0};
  uint64_t sum = 0;
  void *thread = engine_thread();
  double began = now();
  size_t count = engine_scan(thread, lowest, (size_t)-1, &sum);
  report("scan", (double)count, now() - began, NULL, 0);
  engine_thread_end(thread);
}

/* A tenth more records in transactions of 100, then the process kills itself. */
static void crash(void) {
  uint8_t keys[100 * KEY_BYTES];
  const uint8_t *values[100];
  void *thread = engine_thread();
  uint64_t record = 10 * records;
  for (size_t done = 0; done < records / 10; done += 100) {
    for (size_t i = 0; i < 100; i++, record++) key_of(record, keys + i * KEY_BYTES), values[i] = value_of(record);
    if (engine_put(thread, keys, values, 100, 0)) fail("a put");
  }
  kill(getpid(), SIGKILL);
}

int main(int count, char **arguments) {
  if (count < 5) { fprintf(stderr, "usage: %s FOLDER RECORDS SECONDS PHASE...\n", arguments[0]); return 64; }
  records = strtoul(arguments[2], NULL, 10);
  seconds = atof(arguments[3]);
  if (records < 1000 || seconds <= 0) { fprintf(stderr, "records: 1000 or more; seconds: above 0\n"); return 64; }
  for (size_t i = 0; i < sizeof pool / 8; i++) {
    uint64_t word = split_mix(i);
    memcpy(pool + 8 * i, &word, 8);
  }
  next_record = records;
  double began = now();
  if (engine_open(arguments[1])) fail("open");
  double opened = now() - began;
  for (int i = 4; i < count; i++) {
    const char *phase = arguments[i];
    if (!strcmp(phase, "load")) load(phase, 1);
    else if (!strcmp(phase, "randomload")) load(phase, 0);
    else if (!strcmp(phase, "scan")) scan_all();
    else if (!strcmp(phase, "range")) timed(phase, RANGE, 1);
    else if (!strcmp(phase, "get1")) timed(phase, GET, 1);
    else if (!strcmp(phase, "get2")) timed(phase, GET, 2);
    else if (!strcmp(phase, "mix2")) timed(phase, MIX, 2);
    else if (!strcmp(phase, "put1")) timed(phase, PUT, 1);
    else if (!strcmp(phase, "put64")) timed(phase, PUT, 64);
    else if (!strcmp(phase, "queue64")) timed(phase, QUEUE, 64);
    else if (!strcmp(phase, "delete")) delete_half();
    else if (!strcmp(phase, "compact")) {
      double began = now();
      if (engine_compact()) fail("compaction");
      printf("{\"engine\":\"%s\",\"phase\":\"compact\",\"records\":%zu,\"milliseconds\":%.3f}\n", engine_name, records, (now() - began) * 1e3);
    }
    else if (!strcmp(phase, "crash")) crash();
    else if (!strcmp(phase, "open")) printf("{\"engine\":\"%s\",\"phase\":\"open\",\"records\":%zu,\"milliseconds\":%.3f}\n", engine_name, records, opened * 1e3);
    else { fprintf(stderr, "no such phase: %s\n", phase); return 64; }
  }
  engine_close();
  return 0;
}
