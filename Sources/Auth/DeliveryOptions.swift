// Whether messages leave, and where their links lead.

/// The settings of what is sent to people.
package struct DeliveryOptions: Sendable {
  /// Whether there is a channel at all; without one no token is made that only a message could bring.
  package var isOn = false
  /// What a link to a new password looks like; without one messages carry the code alone.
  package var resetLink: LinkTemplate?
  /// What a link that proves an address looks like.
  package var verifyLink: LinkTemplate?

  package init() {}

  func link(_ purpose: LinkPurpose) -> LinkTemplate? {
    switch purpose {
    case .reset: resetLink
    case .verify: verifyLink
    }
  }
}

/// Which of the two pages a link leads to.
enum LinkPurpose: Sendable { case reset, verify }

/// A URL with one `{token}` in it. The only source of links: nothing in a request has a part in them.
package struct LinkTemplate: Sendable, Hashable {
  private let before: String
  private let after: String

  package static let maxByteCount = 512
  private static let place = "{token}"

  /// Reads a template: an absolute URL of any scheme, printable ASCII without spaces, with `{token}` once after the scheme.
  package init?(_ text: String) {
    guard text.utf8.count <= Self.maxByteCount, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
    guard !text.utf8.contains(where: { #""<>\^`|"#.utf8.contains($0) }) else { return nil }
    var before = ""
    var rest = text[...]
    while !rest.isEmpty, !rest.hasPrefix(Self.place) { before.append(rest.removeFirst()) }
    guard rest.hasPrefix(Self.place) else { return nil }
    let after = String(rest.dropFirst(Self.place.count))
    guard !before.contains("{"), !before.contains("}"), !after.contains("{"), !after.contains("}") else { return nil }
    let scheme = before.prefix { $0 != ":" }
    guard let first = scheme.utf8.first, (0x61...0x7a).contains(first), before.dropFirst(scheme.count).hasPrefix("://"),
      scheme.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || "+-.".utf8.contains($0) })
    else { return nil }
    self.before = before
    self.after = after
  }

  /// The link of a token, whose characters stand in a URL as they are.
  func link(_ token: OneTimeToken) -> String { before + token.text + after }
}

extension LinkTemplate: CustomStringConvertible {
  package var description: String { before + Self.place + after }
}
