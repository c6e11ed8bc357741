// Messages put into the store by the transaction that gives the reason for them, and taken out once they have left. docs/security.md §7.

import Codecs
import Crypto
package import Platform
package import Repositories
import Synchronization

/// What may still be written and how it is sealed. Any thread may use it.
package final class Outbox: Sendable {
  // What may change while a server runs; held to copy it.
  private let current: Mutex<DeliveryOptions>
  private let store: Store
  private let keys: KeyRing
  private let identifiers: IdentifierSource
  private let random: RandomSource
  private let pending = Atomic<Int>(0)
  // Guards who is told of news.
  private let listener = Mutex<(@Sendable (LogPosition) -> Void)?>(nil)

  /// Messages that may wait. With more nothing is written until some have left or were given up, and no token is made for it.
  static let maxPendingCount = 100_000
  /// How long a message without a token is of use.
  private static let noticeLifetime = 24 * 60 * 60

  package init(store: Store, keys: KeyRing, options: DeliveryOptions, clock: any Clock, random: RandomSource) {
    self.store = store
    self.keys = keys
    current = Mutex(options)
    self.random = random
    identifiers = IdentifierSource(clock: clock, random: random)
  }

  var options: DeliveryOptions { current.withLock { $0 } }

  /// Writes messages by these options from now on.
  package func use(_ options: DeliveryOptions) { current.withLock { $0 = options } }

  /// A message before its transaction, with everything in it that is drawn; nil if none can leave.
  func draft(_ kind: OutboxKind) -> MessageDraft? {
    guard options.isOn, pending.load(ordering: .relaxed) < Self.maxPendingCount else { return nil }
    let id = identifiers.next()
    guard let purpose = kind.purpose else { return MessageDraft(id: id, kind: kind, token: nil, sealedToken: []) }
    let token = OneTimeToken(purpose, random)
    return MessageDraft(id: id, kind: kind, token: token, sealedToken: seal(token, for: id))
  }

  /// Gives the draft's token to a user and lets the message go to the user's address. Both are there once the transaction is, or neither.
  func send(_ draft: MessageDraft, to user: UserRecord, at now: Int64, in transaction: inout Writing) throws(RepositoryError) {
    try post(
      draft, to: user.email, for: Recipient(userID: user.id, userEpoch: user.epoch, isDecoy: false), at: now, in: &transaction)
  }

  /// The same for any address. A decoy costs as much and goes nowhere; in the place of the address it has letters, as many.
  func post(
    _ draft: MessageDraft, to address: String, for recipient: Recipient, payload: [UInt8] = [], at now: Int64,
    in transaction: inout Writing
  ) throws(RepositoryError) {
    var lifetime = Self.noticeLifetime
    if let token = draft.token {
      lifetime = token.purpose.lifetime
      try store.issue(
        token, to: recipient.userID, epoch: recipient.userEpoch, at: now, payload: payload, in: &transaction)
    }
    let address = recipient.isDecoy ? String(repeating: "x", count: address.utf8.count) : address
    try store.outbox.insert(
      OutboxRecord(
        id: draft.id, dueAt: now, kind: draft.kind, isDecoy: recipient.isDecoy, userID: recipient.userID,
        expiresAt: now + Int64(lifetime) * 1000, address: address, sealedToken: draft.sealedToken),
      in: &transaction)
  }

  /// Tells whoever delivers that there are messages, once they can be read at `position`.
  func announce(_ position: LogPosition) {
    pending.wrappingAdd(1, ordering: .relaxed)
    let tell = listener.withLock { $0 }
    tell?(position)
  }

  func listen(_ tell: (@Sendable (LogPosition) -> Void)?) { listener.withLock { $0 = tell } }

  /// Sets right what `announce` counts, from a look at the table.
  func count(_ pending: Int) { self.pending.store(pending, ordering: .relaxed) }

  /// The message in a row and the token in it; nil if the row was sealed under another key or for another row.
  func open(_ record: OutboxRecord) -> (message: Message, token: OneTimeToken?)? {
    var token: OneTimeToken?
    if let purpose = record.kind.purpose {
      let secret = keys.outboxTokens.open(record.sealedToken.span, context: record.id.bytes.span)
      guard let opened = secret?.withSpan({ OneTimeToken($0, purpose) }) else { return nil }
      token = opened
    }
    let template = record.kind.linkPurpose.flatMap { options.link($0) }
    return (
      Message(
        id: record.id, kind: record.kind.messageKind, address: record.address, code: token?.text,
        link: token.flatMap { token in template.map { $0.link(token) } }, expiresAt: record.expiresAt,
        writtenAt: record.id.milliseconds ?? record.dueAt),
      token
    )
  }

  private func seal(_ token: OneTimeToken, for id: UUID) -> [UInt8] {
    var text = Array(token.text.utf8)
    defer { for index in text.indices { text[index] = 0 } }
    return keys.outboxTokens.seal(text.span, context: id.bytes.span, random: random)
  }
}

/// A message whose words and token stand, and not yet whether it is sent.
struct MessageDraft: Sendable {
  let id: UUID
  let kind: OutboxKind
  let token: OneTimeToken?
  let sealedToken: [UInt8]
}

/// Whose token a message carries.
struct Recipient: Sendable {
  let userID: UUID
  let userEpoch: UInt32
  /// Nobody: the rows are written for their weight alone.
  let isDecoy: Bool
}

extension OutboxKind {
  /// What the token in it is for.
  var purpose: OneTimePurpose? {
    switch self {
    case .reset: .reset
    case .verifyEmail: .verifyEmail
    case .changeEmail: .changeEmail
    case .changeNotice: nil
    }
  }

  fileprivate var linkPurpose: LinkPurpose? {
    switch self {
    case .reset: .reset
    case .verifyEmail, .changeEmail: .verify
    case .changeNotice: nil
    }
  }

  fileprivate var messageKind: Message.Kind {
    switch self {
    case .reset: .reset
    case .verifyEmail: .verifyEmail
    case .changeEmail: .changeEmail
    case .changeNotice: .changeNotice
    }
  }
}
