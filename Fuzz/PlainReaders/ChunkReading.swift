// What comes of a chunked body, and how the decoder of the server comes to it.

package import HTTP

/// What comes of the bytes of a chunked body.
package enum ChunkReading: Equatable {
  case short
  case refused
  case whole([UInt8], end: Int)
}

extension ChunkReading {
  /// What `decoder` makes of bytes that arrive in these pieces.
  package init(_ decoder: ChunkedDecoder, _ pieces: [ArraySlice<UInt8>]) {
    var decoder = decoder
    var body: [UInt8] = []
    var taken = 0
    for piece in pieces {
      let bytes = Array(piece)
      var index = 0
      reading: while true {
        do throws(BodyRefusal) {
          switch try decoder.next(bytes.span, &index) {
          case .data(let range): body += bytes[range]
          case .more: break reading
          case .end:
            self = .whole(body, end: taken + index)
            return
          }
        } catch {
          self = .refused
          return
        }
      }
      taken += index
    }
    self = .short
  }
}
