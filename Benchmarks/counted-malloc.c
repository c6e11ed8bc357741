// Counts allocations: linked into a copy of userd by --wrap, it keeps its count in the file that COUNTED_ALLOCATIONS names.
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic unsigned long unseen, *count = &unseen;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("COUNTED_ALLOCATIONS");
  int file = path ? open(path, O_RDWR | O_CREAT, 0600) : -1;
  if (file < 0 || ftruncate(file, sizeof *count) != 0) return;
  void *page = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page != MAP_FAILED) count = page;
  close(file);
}

#define COUNTED(result, name, parameters, arguments)  \
  result __real_##name parameters;                    \
  result __wrap_##name parameters {                   \
    atomic_fetch_add(count, 1);                       \
    return __real_##name arguments;                   \
  }

COUNTED(void *, malloc, (size_t size), (size))
COUNTED(void *, calloc, (size_t number, size_t size), (number, size))
COUNTED(void *, realloc, (void *old, size_t size), (old, size))
COUNTED(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
COUNTED(int, posix_memalign, (void **place, size_t alignment, size_t size), (place, alignment, size))
