// Who connects to a listener, and so which routes there are for them.

/// Kinds of clients. A route is there for whoever comes by a listener of one of its kinds; for everybody else its path is none.
package struct Audience: OptionSet, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Those whom the server is for.
  package static let clients = Audience(rawValue: 1)
  /// Programs that watch it.
  package static let observers = Audience(rawValue: 2)
  package static let everyone: Audience = [.clients, .observers]
}
