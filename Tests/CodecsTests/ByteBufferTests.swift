// The buffer that everything is written into.

import Codecs
import TestSupport
import Testing

struct ByteBufferTests {
  @Test func `numbers are written as they are`() {
    for value in Array(0..<10_100) + [99_999, 100_000, 1_234_567, Int.max] {
      var buffer = ByteBuffer(capacity: 0)
      buffer.append(decimal: value)
      #expect(buffer.text() == "\(value)")
    }
  }

  @Test func `thousandths have a point and three decimals`() {
    let expected: [(UInt64, String)] = [
      (0, "0.000"), (7, "0.007"), (98, "0.098"), (999, "0.999"), (1000, "1.000"), (12_034, "12.034"), (9_999_999, "9999.999"),
      (10_000_000, "10000.000"), (.max, "18446744073709551.615"),
    ]
    for (value, text) in expected {
      var buffer = ByteBuffer(capacity: 0)
      buffer.append(thousandths: value)
      #expect(buffer.text() == text)
    }
  }

  @Test func `literals in a row find room at the end of a full buffer`() {
    for used in 0..<40 {
      var buffer = ByteBuffer(capacity: 16)
      for _ in 0..<used { buffer.append("x") }
      buffer.append(",\"", "name", "\":")
      #expect(buffer.text() == String(repeating: "x", count: used) + ",\"name\":")
    }
  }

  @Test func `random operations leave what an array would hold`() {
    var random = SeededGenerator.announced("ByteBuffer")
    for _ in 0..<100 * testScale {
      var buffer = ByteBuffer(capacity: random.number(0..<64))
      var model: [UInt8] = []
      for _ in 0..<60 {
        switch random.number(0..<10) {
        case 0:
          buffer.append(UInt8(7))
          model.append(7)
        case 1:
          let bytes = random.bytes(random.number(0..<100))
          buffer.append(bytes.span)
          model += bytes
        case 2:
          buffer.append("literal")
          model += Array("literal".utf8)
        case 3:
          let value = Int64(bitPattern: random.next() >> UInt64(random.number(0..<64)))
          buffer.append(decimal: value)
          model += Array("\(value)".utf8)
        case 4:
          let bytes = random.bytes(random.number(0..<20))
          let room = bytes.count + random.number(0..<5)
          buffer.append(upTo: room) { span in
            for index in bytes.indices { span[index] = bytes[index] }
            return bytes.count
          }
          model += bytes
        case 5:
          let size = random.number(0..<model.count + 1)
          buffer.removeFirst(size)
          model.removeFirst(size)
        case 6:
          let size = random.number(0..<model.count + 1)
          buffer.truncate(to: size)
          model.removeSubrange(size...)
        case 7:
          guard model.count > 3 else { continue }
          let offset = random.number(0..<model.count - 2)
          let bytes = random.bytes(2)
          buffer.overwrite(at: offset, with: bytes.span)
          model.replaceSubrange(offset..<offset + 2, with: bytes)
        case 8:
          let size = random.number(0..<model.count + 1)
          let start = random.number(0..<model.count - size + 1), offset = random.number(0..<model.count - size + 1)
          buffer.move(start..<start + size, to: offset)
          model.replaceSubrange(offset..<offset + size, with: Array(model[start..<start + size]))
        default:
          if random.number(0..<10) == 0 {
            buffer.removeAll()
            model = []
          }
        }
        let (count, bytes) = (buffer.count, buffer.bytes())
        #expect(count == model.count && bytes == model)
      }
    }
  }

  @Test(arguments: [UInt64.min, 1, 9, 10, 99, 100, 9_999_999_999, 9_999_999_999_999_999_999, 10_000_000_000_000_000_000, .max])
  func `unsigned numbers of every width`(value: UInt64) {
    var buffer = ByteBuffer()
    buffer.append(decimal: value)
    #expect(buffer.text() == "\(value)")
  }

  @Test func `fixed widths keep leading zeros and the last digits`() {
    var buffer = ByteBuffer(capacity: 0)
    buffer.append(decimal: 7, width: 3)
    buffer.append(decimal: 123_456, width: 2)
    buffer.append(decimal: UInt64.max, width: 20)
    #expect(buffer.text() == "0075618446744073709551615")
  }

  @Test func `an error of the filler leaves the buffer as it was`() {
    struct Refusal: Error {}
    var buffer = ByteBuffer()
    buffer.append("kept")
    #expect(throws: Refusal.self) {
      try buffer.append(upTo: 4) { (span: inout MutableSpan<UInt8>) throws(Refusal) -> Int in
        span[0] = 1
        throw Refusal()
      }
    }
    #expect(buffer.text() == "kept")
  }

  @Test func `places outside of the bytes stop the program`() async {
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer()
      buffer.append("four")
      buffer.overwrite(at: 3, with: [1, 2].span)
    }
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer()
      buffer.append("four")
      buffer.removeFirst(5)
    }
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer()
      buffer.append("four")
      buffer.move(1..<3, to: 3)
    }
    await #expect(processExitsWith: .failure) {
      var buffer = ByteBuffer()
      buffer.append(upTo: 2) { _ in 3 }
    }
  }
}
