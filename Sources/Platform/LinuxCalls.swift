// Declarations of Linux calls that Swift's Glibc module does not carry; the only file that uses `@_extern(c)`.

// Prototypes follow the manual pages of section 2. Arguments are fixed even where C declares them variadic, which the x86-64 and
// arm64 Linux calling conventions pass alike.

@_extern(c, "epoll_create1") func linux_epoll_create1(_ flags: CInt) -> CInt
@_extern(c, "epoll_ctl") func linux_epoll_ctl(_ poll: CInt, _ operation: CInt, _ fd: CInt, _ event: UnsafeMutableRawPointer?)
  -> CInt
@_extern(c, "epoll_wait") func linux_epoll_wait(
  _ poll: CInt, _ events: UnsafeMutableRawPointer, _ capacity: CInt, _ milliseconds: CInt
) -> CInt
@_extern(c, "eventfd") func linux_eventfd(_ initial: CUnsignedInt, _ flags: CInt) -> CInt
@_extern(c, "signalfd") func linux_signalfd(_ fd: CInt, _ mask: UnsafeRawPointer, _ flags: CInt) -> CInt
@_extern(c, "accept4") func linux_accept4(
  _ fd: CInt, _ address: UnsafeMutableRawPointer?, _ length: UnsafeMutablePointer<UInt32>?, _ flags: CInt
) -> CInt
@_extern(c, "getrandom") func linux_getrandom(_ buffer: UnsafeMutableRawPointer, _ count: Int, _ flags: CUnsignedInt) -> Int
@_extern(c, "prctl") func linux_prctl(_ option: CInt, _ a: UInt, _ b: UInt, _ c: UInt, _ d: UInt) -> CInt
@_extern(c, "fallocate") func linux_fallocate(_ fd: CInt, _ mode: CInt, _ offset: Int, _ count: Int) -> CInt
@_extern(c, "pthread_setname_np") func linux_pthread_setname_np(_ thread: UInt, _ name: UnsafePointer<CChar>) -> CInt
@_extern(c, "sched_getaffinity") func linux_sched_getaffinity(_ pid: CInt, _ size: Int, _ mask: UnsafeMutableRawPointer) -> CInt
@_extern(c, "syscall") func linux_futex(
  _ number: Int, _ word: UnsafeMutableRawPointer, _ operation: CInt, _ value: CUnsignedInt, _ timeout: UnsafeRawPointer?,
  _ second: UnsafeRawPointer?, _ third: CUnsignedInt
) -> Int
@_extern(c, "pipe2") func linux_pipe2(_ ends: UnsafeMutableRawPointer, _ flags: CInt) -> CInt
@_extern(c, "pidfd_open") func linux_pidfd_open(_ pid: CInt, _ flags: CUnsignedInt) -> CInt
@_extern(c, "posix_spawn_file_actions_addclosefrom_np") func linux_posix_spawn_file_actions_addclosefrom_np(
  _ actions: UnsafeMutableRawPointer, _ from: CInt
) -> CInt
