// What bears somebody's rights: access tokens and cursors of lists, as they come and sealed with the server's own keys.

import Auth
import Codecs
import PlainReaders
import TestSupport

/// A token as it stands; or, where there is a newline in it, a header and a payload that are signed with a right key.
@Sendable func judgeToken(_ bytes: [UInt8]) -> String? {
  let ground = TokenGround.shared
  var token = bytes
  if let end = bytes.firstIndex(of: 0x0a) {
    let input = [bytes[..<end], bytes[(end + 1)...]].map { Base64URL.encodedString(Array($0).span) }.joined(separator: ".")
    token = Array(TokenForge(secret: ground.keys[0].secret).sign(input).utf8)
  }
  let plain = PlainToken.read(token, ground.plain)
  let isExpected: Bool
  do throws(AuthError) {
    _ = try ground.sessions.authenticate(token.span)
    isExpected = ground.live.contains(plain)
  } catch {
    switch (error, plain) {
    case (.invalidToken, .invalid), (.tokenExpired, .expired): isExpected = true
    case (.sessionRevoked, .signed): isExpected = !ground.live.contains(plain)
    default: isExpected = false
    }
  }
  return isExpected ? nil : "\(bytes.shown) is judged otherwise than \(plain)"
}

/// The first byte chooses a list; then comes a cursor as it stands or, behind a NUL, the place of one.
@Sendable func judgeCursor(_ bytes: [UInt8]) -> String? {
  guard let choice = bytes.first else { return nil }
  let ground = ListGround.shared
  let questions: [ListQuestion] = [
    .users(order: nil, status: nil, role: nil, prefix: nil),
    .users(order: .newestFirst, status: .disabled, role: nil, prefix: nil),
    .users(order: nil, status: nil, role: nil, prefix: "an"), .users(order: .email, status: nil, role: "user", prefix: nil),
    .sessions(owner: 0), .sessions(owner: 1), .audit(subject: nil, type: nil), .audit(subject: 1, type: "session.begun"),
  ]
  let question = questions[Int(choice) % questions.count]
  var text = String(decoding: bytes.dropFirst(), as: UTF8.self)
  if bytes.count > 1, bytes[1] == 0 {
    text = Base64URL.encodedString(ground.sealed(question, place: Array(bytes.dropFirst(2))).span)
  }
  let isCursor = PlainBase64.decode(Array(text.utf8)).flatMap { ground.place($0, question) } != nil
  do throws(AuthError) {
    let page = try ground.page(question, limit: 3, cursor: text)
    if !isCursor { return "\(question) takes \(bytes.shown)" }
    let all = try ground.all(question)
    return page.items.allSatisfy(all.contains) ? nil : "\(question) answers \(bytes.shown) with \(page.items)"
  } catch {
    guard case .invalidCursor = error else { return "\(error) to \(bytes.shown)" }
    return isCursor ? "\(question) refuses \(bytes.shown)" : nil
  }
}
