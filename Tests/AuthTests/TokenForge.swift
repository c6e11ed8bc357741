// An independent maker and reader of JWTs: HMAC from its definition, JSON by hand, nothing of `Auth`.

import Codecs
import Crypto

/// Writes tokens that `Auth` did not write.
struct TokenForge {
  let secret: [UInt8]

  /// RFC 2104 from the hash alone: H(K ^ opad, H(K ^ ipad, text)).
  static func hmac(_ key: [UInt8], _ text: [UInt8]) -> [UInt8] {
    let short = key.count > 64 ? hash(key) : key
    let block = short + [UInt8](repeating: 0, count: 64 - short.count)
    return hash(block.map { $0 ^ 0x5c } + hash(block.map { $0 ^ 0x36 } + text))
  }

  private static func hash(_ bytes: [UInt8]) -> [UInt8] {
    SHA256.hash(bytes.span).withSpan { span in span.indices.map { span[$0] } }
  }

  static func encode(_ text: String) -> String { Base64URL.encodedString(text.utf8.span) }

  /// A token of exactly this header and payload, whatever they are, with the tag that belongs to it.
  func token(header: String, payload: String) -> String { sign(Self.encode(header) + "." + Self.encode(payload)) }

  /// Adds the tag to a signing input.
  func sign(_ input: String) -> String {
    input + "." + Base64URL.encodedString(Self.hmac(secret, Array(input.utf8)).span)
  }
}

/// The parts of a compact token.
struct TokenParts {
  let header: String
  let payload: String
  let tag: [UInt8]
  let input: String

  init?(_ token: String) {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let header = Base64URL.decode(parts[0].utf8.span), let payload = Base64URL.decode(parts[1].utf8.span),
      let tag = Base64URL.decode(parts[2].utf8.span)
    else { return nil }
    self.header = String(decoding: header, as: UTF8.self)
    self.payload = String(decoding: payload, as: UTF8.self)
    self.tag = tag
    input = parts[0] + "." + parts[1]
  }
}
