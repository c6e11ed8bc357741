// Anonymous pages and the store that clears secrets.

import Platform
import Testing

@Suite struct MemoryMappingTests {
  @Test func `sizes are rounded up to whole pages, and all bytes are zero and writable`() throws {
    for (asked, usable) in [(1, 4096), (4096, 4096), (4097, 8192), (100_000, 102_400)] {
      let memory = try MemoryMapping(byteCount: asked)
      #expect(memory.byteCount == usable)
      unsafe memory.withBytes { bytes in
        #expect(unsafe bytes.allSatisfy { $0 == 0 })
        #expect(Int(bitPattern: bytes.baseAddress) % 4096 == 0)
        for index in 0..<bytes.count { unsafe bytes[index] = 0xff }
      }
    }
  }

  @Test(arguments: [MemoryMapping.Use.large, .growing, .largeSecret])
  func `large memory is aligned to huge pages`(_ use: MemoryMapping.Use) throws {
    for asked in [1, 2 << 20, (2 << 20) + 1, 19456 << 10] {
      let memory = try MemoryMapping(byteCount: asked, for: use)
      #expect(memory.byteCount >= asked && memory.byteCount < asked + (2 << 20))
      unsafe memory.withBytes { bytes in
        #expect(Int(bitPattern: bytes.baseAddress) % (2 << 20) == 0)
        unsafe bytes[bytes.count - 1] = 1
      }
    }
  }

  @Test func `memory given in advance keeps what is in it`() throws {
    let memory = try MemoryMapping(byteCount: 8 << 20, for: .large)
    unsafe memory.withBytes { bytes in unsafe bytes[5 << 20] = 7 }
    memory.populate(0..<0)
    memory.populate(4096..<memory.byteCount)
    unsafe memory.withBytes { bytes in
      for index in stride(from: 0, to: bytes.count, by: 4096) { #expect(unsafe bytes[index] == (index == 5 << 20 ? 7 : 0)) }
    }
  }

  @Test func `a beginning that becomes huge pages keeps what is in it`() throws {
    let memory = try MemoryMapping(byteCount: 8 << 20, for: .growing)
    unsafe memory.withBytes { bytes in for index in stride(from: 0, to: 4 << 20, by: 8192) { unsafe bytes[index] = 7 } }
    memory.makeHuge(0..<0)
    memory.makeHuge(0..<2 << 20)
    unsafe memory.withBytes { bytes in
      for index in stride(from: 0, to: bytes.count, by: 4096) {
        #expect(unsafe bytes[index] == (index < 4 << 20 && index % 8192 == 0 ? 7 : 0))
      }
    }
  }

  @Test func `zeroing leaves no byte`() throws {
    let memory = try MemoryMapping(byteCount: 10_000, for: .secret)
    unsafe memory.withBytes { bytes in
      for index in 0..<bytes.count { unsafe bytes[index] = 0xff }
    }
    memory.zero()
    unsafe memory.withBytes { bytes in #expect(unsafe bytes.allSatisfy { $0 == 0 }) }
  }

  @Test func `a span is zeroed in its own bounds only`() {
    var bytes = [UInt8](repeating: 0xff, count: 8)
    unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      var inner = unsafe UnsafeMutableBufferPointer(rebasing: buffer[2..<5]).mutableSpan
      zero(&inner)
    }
    #expect(bytes == [0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0xff])
  }

  @Test func `more memory than there are addresses is refused`() {
    #expect(throws: Errno.self) { _ = try MemoryMapping(byteCount: 1 << 60) }
    #expect(throws: Errno.self) { _ = try MemoryMapping(byteCount: Int.max, for: .large) }
  }
}
