// Bytes of mappings that nobody may touch: `.ci/sanitize address` puts a copy of this file into Platform, whose mappings then have borders.

@_extern(c, "__asan_poison_memory_region") private func asan_poison(_ start: UnsafeRawPointer?, _ count: Int)
@_extern(c, "__asan_unpoison_memory_region") private func asan_unpoison(_ start: UnsafeRawPointer?, _ count: Int)

/// AddressSanitizer reports whoever reads or writes these bytes from now on. It knows the heap by itself, of mappings only what it is told.
package func forbidBytes(at address: Int, count: Int) { unsafe asan_poison(UnsafeRawPointer(bitPattern: address), count) }

/// They may be used again.
package func allowBytes(at address: Int, count: Int) { unsafe asan_unpoison(UnsafeRawPointer(bitPattern: address), count) }
