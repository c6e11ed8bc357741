// Which code computes a function, so that tests can hold one against the other.

#if arch(x86_64)
  import Instructions
#endif

/// The code behind SHA-256 and Argon2id.
package enum Implementation: Sendable, CaseIterable {
  /// Plain Swift, on every machine.
  case portable
  /// The processor's own instructions, as far as it has them; elsewhere the same as `portable`.
  case accelerated

  /// Whether SHA-256 uses SHA-NI.
  package var usesSHA256Instructions: Bool {
    #if arch(x86_64)
      switch self {
      case .portable: false
      case .accelerated: ProcessorFeatures.current.hasSHA256
      }
    #else
      false
    #endif
  }

  /// Whether Argon2id uses AVX2.
  package var usesWideInstructions: Bool {
    #if arch(x86_64)
      switch self {
      case .portable: false
      case .accelerated: ProcessorFeatures.current.hasAVX2
      }
    #else
      false
    #endif
  }
}
