// The parser as a pure function: every judgement, and that no cut of the bytes changes it.

@testable import HTTP
import Testing

/// What the parser says of some bytes; nil is "not whole".
func judge(_ bytes: [UInt8], limits: HTTPLimits = HTTPLimits()) -> HeadCase.Judgement? {
  var head = RequestHead()
  do throws(Refusal) {
    guard try RequestParser(limits: limits).parse(bytes.span, into: &head) else { return nil }
  } catch {
    return .refused(error)
  }
  func text(_ place: BytePlace) -> String { String(decoding: bytes[place.range(from: 0)], as: UTF8.self) }
  return .accepted(
    ParsedHead(
      method: head.method, path: text(head.path), query: text(head.query), minorVersion: head.minorVersion,
      authority: text(head.authority), framing: head.framing, isPersistent: head.isPersistent,
      expectsContinue: head.expectsContinue, isAsterisk: head.isAsterisk))
}

private func knownName(_ bytes: [UInt8]) -> HeaderName? { HeaderName(bytes.span) }

@Suite struct RequestParserTests {
  @Test(arguments: HeadCase.accepted) func `a good head is accepted and every beginning of it is incomplete`(_ given: HeadCase) {
    #expect(judge(given.bytes) == given.judgement)
    for count in 0..<given.bytes.count {
      #expect(judge(Array(given.bytes[..<count])) == nil, "after \(count) bytes")
    }
  }

  @Test(arguments: HeadCase.accepted) func `what follows a head does not change it`(_ given: HeadCase) {
    #expect(judge(given.bytes + given.bytes) == given.judgement)
    #expect(judge(given.bytes + [0, 13, 10, 32, 255]) == given.judgement)
  }

  @Test(arguments: HeadCase.refused) func `a bad head is refused for the same reason wherever it is cut`(_ given: HeadCase) {
    #expect(judge(given.bytes) == given.judgement)
    var hasSpoken = false
    for count in 0...given.bytes.count {
      let judgement = judge(Array(given.bytes[..<count]))
      #expect(judgement == nil || judgement == given.judgement, "after \(count) bytes")
      #expect(judgement != nil || !hasSpoken, "after \(count) bytes")
      hasSpoken = judgement != nil
    }
    #expect(hasSpoken)
  }

  @Test func `the tables are as large as they should be`() {
    #expect(HeadCase.accepted.count > 75)
    #expect(HeadCase.refused.count > 200)
  }

  @Test func `every refusal has a case`() {
    var seen: [Refusal] = [.requestLineTooLong, .headersTooLarge, .tooManyFields]
    for given in HeadCase.refused {
      if case .refused(let refusal) = given.judgement { seen.append(refusal) }
    }
    for refusal in Refusal.allCases { #expect(seen.contains(refusal), "\(refusal)") }
  }

  @Test(arguments: ["GET", "OPTIONS", "LONGMETHODNAME"]) func `a request line of 8,192 bytes passes and one more is refused`(
    _ method: String
  ) {
    let frame = method.utf8.count + " / HTTP/1.1".utf8.count
    for extra in -1...3 {
      let path = "/" + String(repeating: "p", count: 8192 + extra - frame)
      let judgement = judge(Array("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
      if extra <= 0 {
        guard case .accepted = judgement else { Issue.record("\(extra): \(String(describing: judgement))"); continue }
      } else {
        #expect(judgement == .refused(.requestLineTooLong), "\(extra)")
      }
    }
  }

  @Test func `a request line without end is refused at the limit`() {
    for beginning in ["A", "GET /", "GET /?", "GET /%41", "GET http://", "GET http://a/"] {
      let bytes = Array((beginning + String(repeating: "a", count: 9000)).utf8)
      #expect(judge(Array(bytes[..<8180])) == nil, "\(beginning)")
      #expect(judge(bytes) == .refused(.requestLineTooLong), "\(beginning)")
    }
  }

  @Test func `a header section of 16,384 bytes passes and one more is refused`() {
    for (extra, isAccepted) in [(-1, true), (0, true), (1, false), (2, false), (3, false), (5, false)] {
      // "Host: a" and "X: ...", two line ends, the empty line.
      let fixed = "Host: a\r\nX: \r\n\r\n".utf8.count
      let section = "Host: a\r\nX: " + String(repeating: "v", count: 16_384 + extra - fixed) + "\r\n\r\n"
      let bytes = Array(("GET / HTTP/1.1\r\n" + section).utf8)
      if isAccepted {
        #expect(judge(bytes) == .accepted(ParsedHead()), "\(extra)")
        #expect(judge(Array(bytes.dropLast())) == nil, "\(extra)")
      } else {
        #expect(judge(bytes) == .refused(.headersTooLarge), "\(extra)")
      }
    }
    for beginning in ["", "X", "X:", "X: y\r\n", "X: \t"] {
      let bytes = Array(("GET / HTTP/1.1\r\n" + beginning + String(repeating: "h", count: 17_000)).utf8)
      #expect(judge(bytes) == .refused(.headersTooLarge), "\(beginning)")
    }
  }

  @Test func `100 header fields pass and one more is refused`() {
    let lines = (0..<99).map { "X\($0): y\r\n" }.joined()
    #expect(judge(Array("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n".utf8)) == .accepted(ParsedHead()))
    #expect(judge(Array("GET / HTTP/1.1\r\nHost: a\r\n\(lines)Z: y\r\n\r\n".utf8)) == .refused(.tooManyFields))
  }

  @Test func `each known name is found in any case and no other name is taken for one`() {
    for name in HeaderName.allCases {
      let text = "\(name.text)"
      for spelling in [text, text.uppercased(), text.prefix(1).uppercased() + text.dropFirst()] {
        #expect(knownName(Array(spelling.utf8)) == name)
      }
      let bytes = Array(text.utf8)
      for index in bytes.indices {
        for other in [bytes[index] ^ 1, bytes[index] ^ 0x20, bytes[index] ^ 0x80, bytes[index] &- 0x20]
        where other != bytes[index] {
          var changed = bytes
          changed[index] = other
          let isSame = String(decoding: changed, as: UTF8.self).lowercased() == text
          #expect((knownName(changed) == name) == isSame, "\(changed)")
        }
      }
      #expect(knownName(Array((text + "x").utf8)) != name)
      #expect(knownName(Array(bytes.dropLast())) != name)
    }
  }

  @Test func `the character classes are those of the grammars`() {
    let alphanumeric = (0..<128).filter {
      Character(UnicodeScalar($0)!).isASCII && (Character(UnicodeScalar($0)!).isLetter || Character(UnicodeScalar($0)!).isNumber)
    }
    func set(_ more: String) -> Set<UInt8> { Set(alphanumeric.map { UInt8($0) } + Array(more.utf8)) }
    let classes: [(CharacterClass, Set<UInt8>)] = [
      (.token, set("!#$%&'*+-.^_`|~")), (.path, set("-._~!$&'()*+,;=:@/")), (.query, set("-._~!$&'()*+,;=:@/?")),
      (.host, set("-._~!$&'()*+,;=")), (.ipv6, Set("0123456789abcdefABCDEF:.".utf8)),
    ]
    for (index, (found, wanted)) in classes.enumerated() {
      for byte in UInt8.min...UInt8.max { #expect(found.contains(byte) == wanted.contains(byte), "class \(index), byte \(byte)") }
    }
  }
}
