// One rule of the grammar on a whole connection: bytes in, bytes out, kept or closed, and where the rule stands.

@testable import HTTP

struct GrammarCase: CustomStringConvertible, Sendable {
  enum Fate: Sendable { case kept, closed }
  /// Such as `RFC 9112 §6.3`.
  let section: String
  let bytes: [UInt8]
  let answers: [WrittenAnswer]
  let fate: Fate

  var description: String { "\(section): \(String(decoding: bytes.prefix(300), as: UTF8.self).debugDescription)" }

  static func kept(_ section: String, _ text: String, _ answers: WrittenAnswer...) -> GrammarCase {
    GrammarCase(section: section, bytes: Array(text.utf8), answers: answers, fate: .kept)
  }

  static func closed(_ section: String, _ text: String, _ answers: WrittenAnswer...) -> GrammarCase {
    GrammarCase(section: section, bytes: Array(text.utf8), answers: answers, fate: .closed)
  }

  /// Whether a client is told to go on in the middle of these bytes if they stop there.
  var mayBeToldToGoOn: Bool { bytes.firstRange(of: Array("xpect:".utf8)) != nil }

  static let all: [GrammarCase] = heads + chunkedBodies + connections + smuggling.map(\.rule)

  /// Every head of the tables, followed by the body that it announces.
  static let heads = (HeadCase.accepted + HeadCase.refused).map { given in
    switch given.judgement {
    case .refused(let refusal):
      GrammarCase(section: given.section, bytes: given.bytes, answers: [.refused(refusal)], fate: .closed)
    case .accepted(let head): GrammarCase(given, head)
    }
  }

  /// Every chunked body of the tables behind one head.
  static let chunkedBodies = (ChunkCase.accepted + ChunkCase.refused).map { given in
    let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    return switch given.judgement {
    case .accepted(let body):
      GrammarCase(section: "RFC 9112 §7.1", bytes: head + given.bytes, answers: [.text(body)], fate: .kept)
    case .refused(let refusal):
      GrammarCase(section: "RFC 9112 §7.1", bytes: head + given.bytes, answers: [.refused(refusal)], fate: .closed)
    }
  }

  /// What `Conversation.routes` make of an accepted head.
  private init(_ given: HeadCase, _ head: ParsedHead) {
    var body: [UInt8] = []
    var bytes = given.bytes
    var isTooLarge = false
    switch head.framing {
    case .none: break
    case .length(let count):
      isTooLarge = count > ChunkCase.limit
      body = isTooLarge ? [] : [UInt8](repeating: UInt8(ascii: "b"), count: count)
      bytes += body
    case .chunked:
      body = Array("chunk".utf8)
      bytes += Array("5\r\nchunk\r\n0\r\n\r\n".utf8)
    }
    var answer: WrittenAnswer
    switch head.method {
    case _ where isTooLarge: answer = .bodyTooLarge(head.path)
    case nil: answer = .unknownMethod(head.path)
    case _ where head.isAsterisk: answer = .serverOptions
    case _ where head.path.count > 1: answer = .notFound(head.path)
    case .get: answer = .root
    case .head: answer = .root.toHead
    case .post: answer = .text(body)
    case .options: answer = .rootOptions
    case .put, .patch, .delete: answer = .notAllowed("GET, HEAD, POST, OPTIONS", at: head.path)
    }
    let isKept = head.isPersistent && !isTooLarge
    if !isKept { answer = answer.closing } else if head.minorVersion == 0 { answer = answer.keeping }
    self.init(section: given.section, bytes: bytes, answers: [answer], fate: isKept ? .kept : .closed)
  }

  init(section: String, bytes: [UInt8], answers: [WrittenAnswer], fate: Fate) {
    self.section = section
    self.bytes = bytes
    self.answers = answers
    self.fate = fate
  }
}
