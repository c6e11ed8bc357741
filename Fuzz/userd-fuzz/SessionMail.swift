// Messages on their way to the people of a life: the courier of the services, and a mailbox that sometimes is not there.

import Auth
import Codecs
import Crypto
import Repositories
import Storage
import Synchronization

/// What was delivered. The channel fails as long as it is told to.
final class Mailbox: Sendable {
  private let state = Mutex((isThere: true, messages: [Message]()))

  var channel: DeliveryChannel {
    DeliveryChannel(name: "rig") { [self] message, _ in
      state.withLock { state in
        guard state.isThere else { return .failed("nobody is there") }
        state.messages.append(message)
        return .delivered
      }
    }
  }

  func open(_ isThere: Bool) { state.withLock { $0.isThere = isThere } }

  func take() -> [Message] {
    state.withLock { state in
      defer { state.messages = [] }
      return state.messages
    }
  }
}

extension SessionWorld {
  /// Lets the courier deliver what is due, or fail to.
  func collectMail(isThere: Bool) throws(Complaint) {
    // Then readers see what the model says.
    try deliver()
    mailbox.open(isThere)
    for _ in 0..<20 {
      do throws(RepositoryError) { if try services.courier.pass() > 0 { break } } catch {
        guard error.kind == .wouldBlock else { throw Complaint("no delivery: \(error)") }
        turnEngine()
      }
    }
    for message in mailbox.take() { try receive(message) }
  }

  private func receive(_ message: Message) throws(Complaint) {
    guard let text = message.code else { return }
    let purpose: OneTimePurpose =
      switch message.kind {
      case .reset: .reset
      case .verifyEmail: .verifyEmail
      case .changeEmail, .changeNotice: .changeEmail
      }
    let row: OneTimeTokenRecord?
    do throws(RepositoryError) {
      row = try store.read { (transaction) throws(RepositoryError) in
        try store.oneTimeTokens.find(digest(of: text, purpose), in: &transaction)
      }
    } catch { throw Complaint("a token cannot be read: \(error)") }
    let number = model.people.first { $0.value.id?.uuid == row?.userID }?.key
    let place = model.tokens.lastIndex { $0.isThere && $0.person == number && $0.purpose == purpose }
    guard let place, row?.expiresAt == model.tokens[place].endsAt else { throw Complaint("\(message.kind) was for nobody") }
    if message.address != Self.address(model.tokens[place].address) { throw Complaint("\(message.kind) went to a stranger") }
    keepLetter(Letter(token: place, purpose: purpose, text: text))
  }

  /// A message that comes again is the same letter.
  func keepLetter(_ letter: Letter) {
    if !letters.contains(where: { $0.text == letter.text }) { letters.append(letter) }
  }

  /// What the store finds a token by, worked out once more from docs/records.md §7.
  func digest(of text: String, _ purpose: OneTimePurpose) -> OneTimeTokenRecord.Digest {
    let secret = Base64URL.decode(Array(text.utf8.dropFirst(5)).span) ?? []
    let epoch = (0..<4).map { UInt8(truncatingIfNeeded: store.identity.epoch >> UInt32(24 - 8 * $0)) }
    return SHA256.hash((Array("userd one-time token 1".utf8) + [purpose.rawValue] + epoch + secret).span).bytes
  }
}
