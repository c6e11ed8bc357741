/* The records that every contender writes, and the clock: the same numbers as Benchmarks/userd-bench/RecordSource.swift. */
#pragma once
#include "engine.h"
#include <string.h>
#include <time.h>

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static inline uint64_t split_mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static inline void key_of(uint64_t record, uint8_t key[KEY_BYTES]) {
  uint64_t a = split_mix(2 * record), b = split_mix(2 * record + 1);
  memcpy(key, &a, 8);
  memcpy(key + 8, &b, 8);
}

static inline int ascending_floats(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}
