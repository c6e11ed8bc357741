// Trace Context: which headers name a trace, and that all others name none.

import Codecs
@testable import HTTP
import Testing

private let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
private let parent = "00f067aa0ba902b7"

@Suite struct TraceContextTests {
  private func read(_ text: String) -> TraceContext? { TraceContext(text.utf8.span) }

  @Test func `a header of version 00 gives trace, caller and flag`() throws {
    let context = try #require(read("00-\(trace)-\(parent)-01"))
    #expect(context.high == 0x4bf9_2f35_77b3_4da6 && context.low == 0xa3ce_929d_0e0e_4736)
    #expect(context.parentID == 0x00f0_67aa_0ba9_02b7 && context.isSampled && context.isPresent && !context.isNoted)
    var text = ByteBuffer()
    context.appendTraceID(to: &text)
    #expect(text.text() == trace)
    #expect(read("00-\(trace)-\(parent)-00")?.isSampled == false)
  }

  @Test(arguments: ["00", "02", "03", "fe", "ff"])
  func `only bit 0 of the flags is looked at`(_ flags: String) throws {
    let context = try #require(read("00-\(trace)-\(parent)-\(flags)"))
    #expect(context.isSampled == (flags == "03" || flags == "ff"))
  }

  @Test func `a later version is read as far as this one knows it`() {
    for text in ["01-\(trace)-\(parent)-01", "cc-\(trace)-\(parent)-01-what comes later", "fe-\(trace)-\(parent)-01-"] {
      #expect(read(text)?.isSampled == true, "\(text)")
    }
  }

  @Test(arguments: [
    "", "00", "ff-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01x", "00-\(trace)-\(parent)-1",
    "00-\(trace)-\(parent)-", "00-\(trace)-\(parent)", "00-\(trace.dropLast())-\(parent)-01", "00-\(trace)0-\(parent)-01",
    "00-\(trace)-\(parent)0-01", "00-\(trace.uppercased())-\(parent)-01", "00-\(trace)-\(parent.uppercased())-01",
    "0A-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-0A", "00-\(String(repeating: "0", count: 32))-\(parent)-01",
    "00-\(trace)-0000000000000000-01", "00_\(trace)-\(parent)-01", "00-\(trace)_\(parent)-01", "00-\(trace)-\(parent)_01",
    "01-\(trace)-\(parent)-01x", "01-\(trace)-\(parent)-01.x", " 00-\(trace)-\(parent)-01", "0-\(trace)-\(parent)-01",
    "00-\(trace.dropLast())g-\(parent)-01", "00-\(trace.dropLast())é-\(parent)-01", "xx-\(trace)-\(parent)-01",
  ])
  func `everything else is no trace`(_ text: String) { #expect(read(text) == nil) }

  private func state(_ lines: [String]) -> String? {
    var (list, count) = ([UInt8](), 0)
    for line in lines where !TraceState.append(line.utf8.span, to: &list, memberCount: &count) { return nil }
    return String(decoding: list, as: UTF8.self)
  }

  @Test func `a state is the members of all its lines`() {
    #expect(state(["congo=t61rcWkgMzE"]) == "congo=t61rcWkgMzE")
    #expect(state(["a=1 ,\tb=2", "", " , ", "t@v=x y"]) == "a=1,b=2,t@v=x y")
    #expect(state(["1-_*/@=!~"]) == "1-_*/@=!~")
    let most = (0..<32).map { "k\($0)=v" }
    #expect(state([most.joined(separator: ",")]) != nil)
    #expect(state(most + ["one=more"]) == nil)
    #expect(state(["k=" + String(repeating: "v", count: 256)]) != nil)
    #expect(state(["k=" + String(repeating: "v", count: 257)]) == nil)
    #expect(state([String(repeating: "k", count: 256) + "=v"]) != nil)
    #expect(state([String(repeating: "k", count: 257) + "=v"]) == nil)
    let long = "k=" + String(repeating: "v", count: 252)
    #expect(state([long, long, "a="]) == nil)
    #expect(state([long, long, "a=b"]) == nil)
    #expect(state([long, "k=" + String(repeating: "v", count: 255)])?.utf8.count == 512)
    #expect(state([long, "k=" + String(repeating: "v", count: 256)]) == nil)
  }

  @Test(arguments: ["a", "=b", "A=b", "a=", "a=b=c", "a=\u{7f}", "a=é", "_a=b", "a b=c", "a=b,c", "-a=1"])
  func `a state that is not well-formed is none`(_ line: String) { #expect(state(["x=y", line]) == nil) }
}
