// An independent maker and reader of JWTs: HMAC from its definition, JSON by hand, nothing of `Auth`.

import Codecs
import Crypto

/// Writes tokens that `Auth` did not write.
package struct TokenForge: Sendable {
  package let secret: [UInt8]

  package init(secret: [UInt8]) { self.secret = secret }

  /// RFC 2104 from the hash alone: H(K ^ opad, H(K ^ ipad, text)).
  package static func hmac(_ key: [UInt8], _ text: [UInt8]) -> [UInt8] {
    let short = key.count > 64 ? hash(key) : key
    let block = short + [UInt8](repeating: 0, count: 64 - short.count)
    return hash(block.map { $0 ^ 0x5c } + hash(block.map { $0 ^ 0x36 } + text))
  }

  private static func hash(_ bytes: [UInt8]) -> [UInt8] {
    SHA256.hash(bytes.span).withSpan { span in span.indices.map { span[$0] } }
  }

  package static func encode(_ text: String) -> String { Base64URL.encodedString(text.utf8.span) }

  /// A token of exactly this header and payload, whatever they are, with the tag that belongs to it.
  package func token(header: String, payload: String) -> String { sign(Self.encode(header) + "." + Self.encode(payload)) }

  /// Adds the tag to a signing input.
  package func sign(_ input: String) -> String { input + "." + Base64URL.encodedString(tag(of: input).span) }

  package func tag(of input: String) -> [UInt8] { Self.hmac(secret, Array(input.utf8)) }
}

/// The parts of a compact token.
package struct TokenParts {
  package let header: String
  package let payload: String
  package let tag: [UInt8]
  package let input: String

  package init?(_ token: String) {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let header = Base64URL.decode(parts[0].utf8.span), let payload = Base64URL.decode(parts[1].utf8.span),
      let tag = Base64URL.decode(parts[2].utf8.span)
    else { return nil }
    self.header = String(decoding: header, as: UTF8.self)
    self.payload = String(decoding: payload, as: UTF8.self)
    self.tag = tag
    input = parts[0] + "." + parts[1]
  }

  /// The text of a string member that has no escapes, wherever it first stands.
  package static func member(_ name: String, of json: String) -> String? {
    guard let start = json.firstRange(of: "\"\(name)\":\"")?.upperBound else { return nil }
    return String(json[start...].prefix { $0 != "\"" })
  }
}
