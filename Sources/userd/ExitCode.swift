// What the process tells its caller when it ends: the numbers of sysexits(3).

/// How a run of `userd` ended.
enum ExitCode: Int32, Sendable {
  case success = 0
  /// The server that was asked is not ready, or there is none.
  case notReady = 1
  /// An unknown verb, an unknown or malformed flag, or its value.
  case usage = 64
  /// Damage was found, or a file of a newer format.
  case damagedData = 65
  /// A named input is missing.
  case missingInput = 66
  /// The address is in use.
  case addressInUse = 69
  /// A fault of this program.
  case internalError = 70
  /// An output cannot be made.
  case cannotCreate = 73
  /// The disk failed.
  case inputOutput = 74
  /// Somebody else holds the store; trying again may work.
  case temporary = 75
  /// This user may not do that.
  case permission = 77
  /// An unknown key or a bad value in the configuration file or the environment.
  case configuration = 78
}
