// Judges a whole head: whose it is, how long its body is, what becomes of the connection (RFC 9112 §3.2, §6, §9).

import Codecs

enum RequestFraming {
  static func judge(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(Refusal) {
    try judgeHost(bytes, &head)
    try judgeLength(bytes, &head)
    if head.lineCount(.authorization) > 1 { throw .repeatedAuthorization }
    judgeConnection(bytes, &head)
    try judgeExpectation(bytes, &head)
  }

  // A server answers 400 to an HTTP/1.1 request without exactly one valid Host                (RFC 9112 §3.2)
  // The host of an absolute-form target wins over the field, which must be valid all the same  (§3.2.2)
  private static func judgeHost(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(Refusal) {
    guard let host = head.firstValue(.host) else {
      if head.minorVersion > 0 { throw .missingHost }
      return
    }
    if head.lineCount(.host) > 1 { throw .repeatedHost }
    if !RequestTarget.isHost(bytes.extracting(host.range(from: 0))) { throw .badHost }
    if head.authority.count == 0 { head.authority = host }
  }

  // Content-Length = 1*DIGIT; a list, even of equal numbers, is refused                        (RFC 9112 §6.2, §6.3 rule 5)
  // Both a length and a coding are a smuggling attempt                                         (§6.3 rule 3)
  private static func judgeLength(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(Refusal) {
    if head.lineCount(.contentLength) > 1 { throw .repeatedContentLength }
    if let place = head.firstValue(.contentLength) {
      let digits = bytes.extracting(place.range(from: 0))
      // 18 digits fit into an Int; no limit comes near.
      guard digits.count >= 1, digits.count <= 18 else { throw .badContentLength }
      var length = 0
      for index in digits.indices {
        guard CharacterClass.isDigit(digits[index]) else { throw .badContentLength }
        length = length &* 10 &+ Int(digits[index] &- UInt8(ascii: "0"))
      }
      head.framing = .length(length)
    }
    if head.lineCount(.transferEncoding) > 0 {
      if head.lineCount(.contentLength) > 0 { throw .lengthWithCoding }
      if head.minorVersion == 0 { throw .codingInOldVersion }
      try judgeCoding(bytes, &head)
    }
  }

  // Transfer-Encoding = #transfer-coding; chunked once and last, else there is no reliable end  (RFC 9112 §6.1, §6.3 rule 4)
  private static func judgeCoding(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(Refusal) {
    var chunkedCount = 0
    var otherCount = 0
    var endsChunked = false
    for index in head.fields.indices where head.fields[index].name == .transferEncoding {
      let isWhole = forEachElement(bytes.extracting(head.fields[index].value.range(from: 0))) { coding in
        endsChunked = coding.equalsIgnoringCase("chunked")
        if endsChunked { chunkedCount += 1 } else { otherCount += 1 }
      }
      if !isWhole { throw .badTransferCoding }
    }
    if chunkedCount == 0, otherCount > 0 { throw .unknownTransferCoding }
    if chunkedCount != 1 || !endsChunked { throw .badTransferCoding }
    if otherCount > 0 { throw .unknownTransferCoding }
    head.framing = .chunked
  }

  // Connection = #connection-option; close wins over keep-alive                                (RFC 9112 §9.3)
  private static func judgeConnection(_ bytes: Span<UInt8>, _ head: inout RequestHead) {
    head.isPersistent = head.minorVersion > 0
    guard head.lineCount(.connection) > 0 else { return }
    var closes = false
    var keeps = false
    for index in head.fields.indices where head.fields[index].name == .connection {
      _ = forEachElement(bytes.extracting(head.fields[index].value.range(from: 0))) { option in
        if option.equalsIgnoringCase("close") { closes = true }
        if option.equalsIgnoringCase("keep-alive") { keeps = true }
      }
    }
    if keeps { head.isPersistent = true }
    if closes { head.isPersistent = false }
  }

  // Expect: 100-continue; ignored from HTTP/1.0; any other is 417                              (RFC 9110 §10.1.1)
  private static func judgeExpectation(_ bytes: Span<UInt8>, _ head: inout RequestHead) throws(Refusal) {
    guard head.minorVersion > 0, head.lineCount(.expect) > 0 else { return }
    for index in head.fields.indices where head.fields[index].name == .expect {
      if !bytes.extracting(head.fields[index].value.range(from: 0)).equalsIgnoringCase("100-continue") {
        throw .unknownExpectation
      }
    }
    head.expectsContinue = true
  }

  /// Runs `work` on each element of a comma-separated list, without white space; false if one of them is empty.
  private static func forEachElement(_ list: Span<UInt8>, _ work: (Span<UInt8>) -> Void) -> Bool {
    var start = 0
    var isWhole = true
    while start <= list.count {
      let end = list.firstIndex(of: UInt8(ascii: ","), from: start) ?? list.count
      let element = list.extracting(list.trimmedRange(start, end))
      if element.isEmpty { isWhole = false } else { work(element) }
      start = end + 1
    }
    return isWhole
  }
}
