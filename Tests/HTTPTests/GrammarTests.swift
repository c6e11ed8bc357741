// The grammar on whole connections: the same answer, byte for byte, and the same fate, however the bytes arrive.

import Codecs
@testable import HTTP
import Testing

/// Bytes that went in, bytes that came out, and what became of the connection.
private struct Outcome: Equatable {
  let sent: [UInt8]
  let phase: ConnectionState.Phase
}

private func makeConversation() throws -> Conversation {
  var limits = HTTPLimits()
  limits.maxBodyByteCount = ChunkCase.limit
  return try Conversation(limits: limits)
}

extension Conversation {
  /// A new connection that gets these pieces. `100 Continue` is no answer, and comes only where the pieces leave time for it.
  fileprivate func play(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
    restart()
    for piece in pieces { receive(piece) }
    return Outcome(sent: sent(), phase: phase)
  }

  fileprivate func play(_ given: GrammarCase, _ pieces: [ArraySlice<UInt8>]) -> Outcome {
    let outcome = play(pieces)
    guard given.mayBeToldToGoOn else { return outcome }
    let goAhead = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    var sent = outcome.sent
    while let place = sent.firstRange(of: goAhead) { sent.removeSubrange(place) }
    return Outcome(sent: sent, phase: outcome.phase)
  }
}

/// Says in words what differs.
private func expect(_ given: GrammarCase, _ outcome: Outcome, _ expected: Outcome, _ way: String) {
  if outcome == expected { return }
  func text(_ outcome: Outcome) -> String {
    "\(String(decoding: outcome.sent, as: UTF8.self).debugDescription), then \(outcome.phase)"
  }
  Issue.record("\(given) \(way): \(text(outcome)), not \(text(expected))")
}

@Suite struct GrammarTests {
  @Test(arguments: GrammarCase.all) func `bytes have their answer and their connection its fate however they arrive`(
    _ given: GrammarCase
  ) throws {
    let bytes = given.bytes
    let expected = given.answers.flatMap(\.bytes)
    let conversation = try makeConversation()

    let whole = Outcome(sent: expected, phase: given.fate == .kept ? .open : .finishing)
    expect(given, conversation.play([bytes[...]]), whole, "in one piece")
    #expect(conversation.isIdle == (given.fate == .kept))

    // One more request tells whether the connection really goes on.
    conversation.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(conversation.sent() == (given.fate == .kept ? WrittenAnswer.root.bytes : []))

    for cut in 1..<max(1, bytes.count) {
      expect(given, conversation.play(given, [bytes[..<cut], bytes[cut...]]), whole, "cut at \(cut)")
    }
    expect(given, conversation.play(given, bytes.indices.map { bytes[$0...$0] }), whole, "byte by byte")

    // The second copy is another request where the first was understood, and nothing where it was not.
    let copies = bytes + bytes
    let twice = Outcome(sent: given.fate == .kept ? expected + expected : expected, phase: whole.phase)
    expect(given, conversation.play([copies[...]]), twice, "two copies")
    expect(given, conversation.play(given, copies.indices.map { copies[$0...$0] }), twice, "two copies byte by byte")
  }

  @Test func `the table is as large as it should be, and every case names its rule`() {
    #expect(GrammarCase.all.count > 600)
    for given in GrammarCase.all { #expect(given.section.hasPrefix("RFC ") && given.section.contains("§"), "\(given)") }
    #expect(GrammarCase.all.count(where: { $0.fate == .kept }) > 150)
    #expect(Set(GrammarCase.all.flatMap(\.answers).map { $0.line.prefix(3) }).count >= 11)
  }

  @Test(arguments: SmugglingCase.Family.allCases) func `every family of smuggled requests is refused, and nothing of it runs`(
    _ family: SmugglingCase.Family
  ) throws {
    let cases = GrammarCase.smuggling.filter { $0.family == family }
    #expect(cases.count >= 8, "\(cases.count) of \(family)")
    for given in cases {
      let conversation = try makeConversation()
      conversation.receive(given.rule.bytes)
      conversation.receive(SmugglingCase.inner)
      let answers = try conversation.answers()
      if family == .ignoredBody {
        // Nothing is ambiguous here: the body belongs to its request, and only what follows it is another one.
        #expect(answers.count == 2 && answers.last?.status == 404, "\(given.rule): \(answers)")
      } else {
        #expect(answers.count == 1, "\(given.rule): \(answers)")
        #expect([400, 413, 431, 501].contains(answers.first?.status ?? 0), "\(given.rule): \(answers)")
        #expect(conversation.phase == .finishing, "\(given.rule)")
      }
      #expect(given.rule.bytes.firstRange(of: Array("/smuggled".utf8)) != nil, "\(given.rule) smuggles nothing")
    }
  }

  @Test func `a client that waits is told to go on once, and one that cannot know of it never`() throws {
    let cases = GrammarCase.all.filter { $0.mayBeToldToGoOn && $0.fate == .kept }
    let conversation = try makeConversation()
    var count = 0
    for given in cases {
      guard let end = given.bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound, end < given.bytes.count else { continue }
      let isOld = given.bytes.firstRange(of: Array("HTTP/1.0".utf8)) != nil
      #expect(
        conversation.play([given.bytes[..<end]]).sent == (isOld ? [] : Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)), "\(given)")
      conversation.receive(given.bytes[end...])
      #expect(conversation.sent() == given.answers.flatMap(\.bytes), "\(given)")
      count += isOld ? 0 : 1
    }
    #expect(count >= 4)
  }
}
