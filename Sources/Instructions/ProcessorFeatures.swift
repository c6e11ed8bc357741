// What this processor can do, asked once with CPUID.

#if arch(x86_64)
  import _Builtin_intrinsics.intel.cpuid

  /// The instruction sets that the fast paths need, as far as processor *and* kernel offer them.
  ///
  /// Computed with plain integer instructions only, because this target's other code may not run before the answer is known.
  package struct ProcessorFeatures: Sendable {
    /// SHA-NI together with the SSSE3 and SSE4.1 shuffles around it.
    package let hasSHA256: Bool
    /// AVX2, with the upper register halves kept by the kernel.
    package let hasAVX2: Bool

    /// This processor.
    package static let current = ProcessorFeatures()

    @inline(never)
    private init() {
      let basic = Self.leaf(1, 0), extended = Self.leaf(7, 0), saved = Self.leaf(0xD, 0)
      let hasShuffles = basic.ecx & (1 << 9) != 0 && basic.ecx & (1 << 19) != 0 && basic.ecx & (1 << 20) != 0
      hasSHA256 = hasShuffles && extended.ebx & (1 << 29) != 0
      // The kernel saves AVX state if it uses XSAVE (OSXSAVE) and the area of the enabled states reaches past offset 576, where the
      // upper halves lie (Intel SDM volume 1, 13.4 and CPUID leaf 0DH).
      let savesUpperHalves = basic.ecx & (1 << 27) != 0 && saved.ebx >= 576 + 256
      hasAVX2 = savesUpperHalves && basic.ecx & (1 << 28) != 0 && extended.ebx & (1 << 5) != 0
    }

    /// The answer for one leaf; all zeros where the processor does not know it.
    private static func leaf(_ leaf: UInt32, _ subleaf: UInt32) -> (ebx: UInt32, ecx: UInt32) {
      var eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0
      // SAFETY: four locals that outlive the call.
      let isKnown = unsafe __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx)
      return isKnown == 0 ? (0, 0) : (ebx, ecx)
    }
  }
#endif
