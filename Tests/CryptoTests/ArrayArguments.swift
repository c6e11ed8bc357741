// The interface with arrays in place of spans, because `#expect` cannot carry a span.

import Crypto
import Platform

func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool { constantTimeEquals(left.span, right.span) }

extension SHA256 {
  static func hash(_ message: [UInt8], _ implementation: Implementation = .accelerated) -> Digest {
    hash(message.span, implementation)
  }
}

extension HMACSHA256 {
  init(key: [UInt8], _ implementation: Implementation = .accelerated) { self.init(key: key.span, implementation) }
  func authenticate(_ message: [UInt8]) -> Digest { authenticate(message.span) }
  func isValid(_ tag: [UInt8], for message: [UInt8]) -> Bool { isValid(tag.span, for: message.span) }
}

extension HKDF {
  static func deriveKey(
    secret: [UInt8], salt: [UInt8] = [], info: [UInt8] = [], byteCount: Int, _ implementation: Implementation = .accelerated
  ) -> SecretBytes {
    deriveKey(secret: secret.span, salt: salt.span, info: info.span, byteCount: byteCount, implementation)
  }
}

extension BLAKE2b {
  static func hash(_ message: [UInt8], byteCount: Int, key: [UInt8] = []) -> [UInt8] {
    hash(message.span, byteCount: byteCount, key: key.span)
  }
}

extension Argon2 {
  static func hash(
    _ password: [UInt8], salt: [UInt8], secret: [UInt8] = [], associatedData: [UInt8] = [], _ parameters: Argon2Parameters,
    byteCount: Int = 32, variant: Variant = .id, memory: PasswordMemory, _ implementation: Implementation = .accelerated
  ) throws(CryptoError) -> [UInt8] {
    try hash(
      variant, password: password.span, salt: salt.span, secret: secret.span, associatedData: associatedData.span,
      parameters: parameters, byteCount: byteCount, memory: memory, implementation)
  }
}

extension PasswordHash {
  init(parsing text: String, limits: PasswordHashLimits = PasswordHashLimits()) throws(CryptoError) {
    try self.init(parsing: Array(text.utf8).span, limits: limits)
  }

  func matches(_ password: [UInt8], memory: PasswordMemory, _ implementation: Implementation = .accelerated) throws(CryptoError)
    -> Bool
  {
    try matches(password.span, memory: memory, implementation)
  }

  func matches(_ password: String, memory: PasswordMemory) throws(CryptoError) -> Bool {
    try matches(Array(password.utf8), memory: memory)
  }
}

extension SecretBytes {
  convenience init(copying bytes: [UInt8]) { self.init(copying: bytes.span) }
}
