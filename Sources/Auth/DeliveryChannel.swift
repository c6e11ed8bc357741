// The way out for messages, and what came of trying it.

/// One way to deliver, made where the program is put together. Its closure runs on the courier's thread alone, which may wait.
package struct DeliveryChannel: Sendable {
  /// As the configuration calls it.
  package let name: String
  /// Tries once, within seconds. `isWanted` turns false when the server stops; then it gives up.
  package let send: @Sendable (_ message: Message, _ isWanted: @Sendable () -> Bool) -> DeliveryOutcome

  package init(name: String, send: @escaping @Sendable (Message, @Sendable () -> Bool) -> DeliveryOutcome) {
    self.name = name
    self.send = send
  }
}

/// What came of one try. The words are for the log: never an address, never a token.
package enum DeliveryOutcome: Sendable, Equatable {
  case delivered
  /// It may go through later.
  case failed(String)
  /// It will never go through.
  case refused(String)
}

/// What an operator may want to know of delivery.
package enum DeliveryEvent: Sendable, Equatable {
  /// One try failed; there will be others.
  case failed(id: String, attempt: Int, reason: String)
  /// The channel says that it will never take the message; it is gone.
  case refused(id: String, reason: String)
  /// Its time has passed; it is gone.
  case expired(id: String, attempts: Int)
  /// It cannot be read any more, because `keys/wrap` is another one; it is gone.
  case unreadable(id: String)
  /// So many tries in a row failed; the channel is left alone for a while.
  case channelDown(failures: Int, seconds: Int)
  case channelUp
  /// The store could not be read or written.
  case storeFailed(String)
}

/// How delivery does at one moment.
package struct DeliveryHealth: Sendable, Equatable {
  package enum Breaker: String, Sendable {
    /// All is tried as it comes due.
    case closed
    /// Nothing is tried for now.
    case open
    /// One message is tried to see whether the channel is back.
    case probing
  }

  package var channel: String
  /// Messages that wait.
  package var pendingCount = 0
  /// Seconds since the oldest of them was written; 0 without one.
  package var oldestAgeSeconds = 0
  package var breaker = Breaker.closed
  package var failureCount = 0
}
