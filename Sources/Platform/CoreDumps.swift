// What a crash leaves behind: nothing, because memory holds passwords and tokens on their way.

import Glibc

/// From now on a crash of this process writes no core file and hands none to a program, and other processes of the same user can neither read
/// its memory nor its environment; root can.
///
/// The limit alone would not do: where `core_pattern` names a program, Linux ignores it (core(5)).
package func refuseCoreDumps() throws(Errno) {
  var limit = rlimit(rlim_cur: 0, rlim_max: 0)
  // SAFETY: the call reads one rlimit, a local. RLIMIT_CORE is 4. Lowering a limit is always allowed.
  try checked { unsafe setrlimit(__rlimit_resource_t(4), &limit) }
  // PR_SET_DUMPABLE is 4; 0 is "not dumpable".
  try checked { linux_prctl(4, 0, 0, 0, 0) }
}
