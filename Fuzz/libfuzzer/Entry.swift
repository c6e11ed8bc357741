// Where libFuzzer comes in: each input goes to the one target that this process was started for.

import Platform

/// What is fuzzed with the feedback of the code's own branches. An input is a finding if a judge says so, if the code traps, or if a
/// sanitizer objects.
let targets: [FuzzTarget] = [
  FuzzTarget("head", judgeHead), FuzzTarget("url", judgeURL), FuzzTarget("chunks", judgeChunks),
  FuzzTarget("connection", judgeConnection),
  FuzzTarget("json", judgeJSON), FuzzTarget("toml", judgeTOML), FuzzTarget("base64url", judgeBase64),
  FuzzTarget("phc", judgePasswordHash), FuzzTarget("jwt", judgeToken), FuzzTarget("cursor", judgeCursor),
  FuzzTarget("frame", judgeFrame), FuzzTarget("page", judgePage), FuzzTarget("backup", judgeBackup),
]

struct FuzzTarget: Sendable {
  let name: String
  /// What is wrong with the answer to these bytes; nil if nothing is.
  let judge: @Sendable ([UInt8]) -> String?

  init(_ name: String, _ judge: @escaping @Sendable ([UInt8]) -> String?) {
    self.name = name
    self.judge = judge
  }

  /// The one that `USERD_FUZZ_TARGET` names.
  static let chosen: FuzzTarget = {
    let name = environmentVariables().first { $0.name == "USERD_FUZZ_TARGET" }?.value ?? ""
    guard let target = targets.first(where: { $0.name == name }) else {
      fatalError("USERD_FUZZ_TARGET must be one of \(targets.map(\.name))")
    }
    return target
  }()
}

/// - Parameters:
///   - data: what libFuzzer made up; it keeps the memory.
///   - count: how many bytes.
@_cdecl("LLVMFuzzerTestOneInput")
package func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: libFuzzer lends `count` bytes for the time of the call.
  let bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  if let complaint = FuzzTarget.chosen.judge(bytes) { fatalError("\(FuzzTarget.chosen.name): \(complaint)") }
  return 0
}

extension [UInt8] {
  /// A few places to cut these bytes at, other ones for other bytes: always the same for the same.
  var cuts: [Int] {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in self { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return count <= 24 ? Array<Int>(0...count) : (0..<8).map { Int((hash &>> ($0 * 7)) % UInt64(count + 1)) }
  }

  /// As Swift code, to paste into a test.
  var shown: String {
    "\""
      + map { byte in (0x20..<0x7f).contains(byte) ? String(Unicode.Scalar(byte)) : "\\u{\(String(byte, radix: 16))}" }.joined()
      + "\""
  }
}
