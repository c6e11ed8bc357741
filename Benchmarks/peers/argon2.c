// Argon2id as libargon2 does it, one hash after the other: the peer of userd's logins. Prints hashes a second.
//
//   cc -O2 -o argon2 argon2.c -largon2 && ./argon2 KIB PASSES SECONDS

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// The few lines of argon2.h that are needed, so that the library alone will do.
extern int argon2id_hash_raw(const uint32_t t_cost, const uint32_t m_cost, const uint32_t parallelism, const void *pwd, const size_t pwdlen,
                             const void *salt, const size_t saltlen, void *hash, const size_t hashlen);

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 4) return 64;
  uint32_t memory = atoi(argv[1]), passes = atoi(argv[2]);
  double seconds = atof(argv[3]), begin = now(), end = begin;
  const char *password = "correct horse battery";
  uint8_t salt[16] = {1}, tag[32];
  int count = 0;
  while ((end = now()) - begin < seconds) {
    salt[0] = count++;
    if (argon2id_hash_raw(passes, memory, 1, password, strlen(password), salt, sizeof salt, tag, sizeof tag)) return 70;
  }
  printf("%.3f\n", count / (end - begin));
  return 0;
}
