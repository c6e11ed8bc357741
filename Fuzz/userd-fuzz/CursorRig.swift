// Cursors of lists: those of one question put to another, edited, made up, and sealed over places that no page ever had.

import Auth
import Codecs
import PlainReaders
import TestSupport

let cursorRig = Rig(
  name: "cursor", purpose: "cursors of lists, moved, edited and forged, against whole lists and a plain reading",
  bug: "a cursor of other filters goes on with those it was made for", smokeEventCount: 2000,
  moreBugs: ["the tag is not looked at", "a page begins one too late"]
) { random, subject in
  let ground = ListGround.shared
  do throws(AuthError) {
    let source = random.question()
    // Some pages into a list, where it has as many.
    let limit = random.pick([1, 2, 5, 17])
    var (cursor, position): (String?, Int) = (nil, 0)
    for _ in 0..<random.number(1..<5) {
      let page = try ground.page(source, limit: limit, cursor: cursor)
      guard let next = page.next else { break }
      (cursor, position) = (next, position + page.items.count)
    }
    let question = random.once(in: 2) ? source : random.question()
    let given = random.cursor(from: cursor, question, ground)
    let isUntouched = question == source && given.map { Array($0.utf8) } == cursor.map { Array($0.utf8) }
    let place = given.flatMap { PlainBase64.decode(Array($0.utf8)) }.flatMap { ground.place($0, question) }
    var asked = (question: question, cursor: given)
    if subject == .broken, given == cursor { asked.question = source }
    if subject == .otherwiseBroken(0) { asked.cursor = resealed(given, question, ground) }
    let count = random.pick([1, 3, 200])
    let items: [String]
    do throws(AuthError) {
      items = try ground.page(asked.question, limit: count, cursor: asked.cursor).items
    } catch {
      guard case .invalidCursor = error else { return "\(error) to the cursor \(given ?? "none") of \(question)" }
      return given != nil && place == nil ? nil : "the cursor \(given ?? "none") of \(question) is refused"
    }
    if given != nil && place == nil { return "\(question) takes \(given ?? ""), which is no cursor of it" }
    let all = try ground.all(question)
    let begin = subject == .otherwiseBroken(1) ? position + 1 : position
    if isUntouched {
      let expected = Array(all[min(begin, all.count)..<min(begin + count, all.count)])
      return items == expected ? nil : "\(question) goes on with \(items) behind \(position), not with \(expected)"
    }
    // Whoever has the key may name any place: what comes then is of the list.
    return items.allSatisfy(all.contains) && items.count <= count ? nil : "\(question) answers \(given ?? "") with \(items)"
  } catch {
    return "a list refuses its own pages: \(error)"
  }
}

/// The planted bug: whatever the tag is, it is made the right one.
private func resealed(_ cursor: String?, _ question: ListQuestion, _ ground: ListGround) -> String? {
  guard let cursor, let bytes = PlainBase64.decode(Array(cursor.utf8)), bytes.count >= 18 else { return cursor }
  return Base64URL.encodedString(ground.sealed(question, place: Array(bytes[2..<bytes.count - 16])).span)
}

extension SeededGenerator {
  fileprivate mutating func question() -> ListQuestion {
    switch number(0..<4) {
    case 0: return .sessions(owner: number(0..<2))
    case 1: return .audit(subject: pick([nil, 0, 1]), type: pick([nil, "session.begun", "user.registered", "x"]))
    default:
      return .users(
        order: pick([nil, .oldestFirst, .newestFirst, .email]), status: pick([nil, nil, .active, .disabled]),
        role: pick([nil, nil, "user", "admin"]), prefix: pick([nil, nil, "a", "ann", "b"]))
    }
  }

  /// The cursor, or something made of it.
  fileprivate mutating func cursor(from cursor: String?, _ question: ListQuestion, _ ground: ListGround) -> String? {
    switch number(0..<6) {
    case 0, 1: return cursor
    case 2:
      var text = Array((cursor ?? "").utf8)
      edit(&text, maxEdits: 3, alphabet: "ABCDgwQ019-_+/= .")
      return String(decoding: text, as: UTF8.self)
    case 3:
      var bytes = cursor.flatMap { PlainBase64.decode(Array($0.utf8)) } ?? []
      edit(&bytes, maxEdits: 2, alphabet: "\u{0}\u{1}\u{2}\u{3}\u{4}")
      return Base64URL.encodedString(bytes.span)
    case 4: return Base64URL.encodedString(bytes(pick([0, 1, 17, 18, 34, 418, 419])).span)
    default:
      var place = cursor.flatMap { PlainBase64.decode(Array($0.utf8)) }.map { Array($0.dropFirst(2).dropLast(16)) } ?? []
      if once(in: 3) {
        place = bytes(pick([0, 1, 8, 16, 17, 40, 400, 401]))
      } else {
        edit(&place, maxEdits: 2, alphabet: "\u{0}\u{1}a@\u{7f}")
      }
      return Base64URL.encodedString(ground.sealed(question, place: place).span)
    }
  }
}
