// What others keep beside an account: JSON objects, in compact form and bounded.

package import Codecs
import Repositories

/// A member that should be a JSON object, as the decoder found it.
package enum ObjectInput: Sendable {
  case absent
  case null
  /// Present, but a string, a number, a boolean or an array.
  case otherType
  case object(JSONValue)
}

/// What becomes of the metadata of an account.
enum MetadataEdit: Sendable {
  /// These are all, in compact form; empty for none.
  case replace([UInt8])
  /// Merged in as RFC 7396 says.
  case merge(JSONValue)

  static let maxByteCount = UserRecord.maxMetadataByteCount
  /// Room to remove by name all that fits.
  static let maxPatchByteCount = 4 * maxByteCount
  static let maxDepth = 32

  /// The object in compact form; empty if it has no members.
  ///
  /// - Throws: `.tooLong` over 4 KiB, `.invalidValue` for what nests too deep.
  static func compact(_ value: JSONValue, at pointer: String, limit: Int = maxByteCount) throws(FieldError) -> [UInt8] {
    guard value.depth <= maxDepth else {
      throw FieldError(pointer, .invalidValue, "it nests deeper than \(maxDepth)", max: maxDepth)
    }
    var json = JSONWriter(ByteBuffer(capacity: 256))
    json.value(value)
    return try bounded(json.finish(), at: pointer, limit: limit)
  }

  /// The metadata after the change.
  ///
  /// - Throws: `.damaged` if what is stored is no JSON.
  /// - Returns: nil if they are too long.
  func applied(to stored: [UInt8]) throws(RepositoryError) -> [UInt8]? {
    switch self {
    case .replace(let bytes): return bytes
    case .merge(let patch):
      var target: JSONValue?
      if !stored.isEmpty {
        do throws(JSONError) { target = try JSONDocument(stored.span).root } catch {
          throw .damaged(.users, .notJSON(offset: error.offset))
        }
      }
      var json = JSONWriter(ByteBuffer(capacity: stored.count + 256))
      json.merge(target, patch)
      do throws(FieldError) { return try Self.bounded(json.finish(), at: "") } catch { return nil }
    }
  }

  static func tooLong(at pointer: String, limit: Int = maxByteCount) -> FieldError {
    FieldError(pointer, .tooLong, "use at most \(limit) bytes of JSON without white space", max: limit)
  }

  private static func bounded(
    _ text: consuming ByteBuffer, at pointer: String, limit: Int = maxByteCount
  ) throws(FieldError) -> [UInt8] {
    guard text.count <= limit else { throw tooLong(at: pointer, limit: limit) }
    return text.count == 2 ? [] : text.withSpan { $0.array() }
  }
}

extension FieldJudge {
  /// An object that may be left out, in compact form; nil if it was, or if there was a complaint.
  mutating func accept(_ input: ObjectInput, at pointer: String) -> [UInt8]? {
    guard let value = object(input, at: pointer) else { return nil }
    do throws(FieldError) { return try MetadataEdit.compact(value, at: pointer) } catch {
      complain(error)
      return nil
    }
  }

  /// A merge patch for an object, or `null` to remove it; nil if it was left out, or if there was a complaint.
  mutating func acceptPatch(_ input: ObjectInput, at pointer: String) -> MetadataEdit? {
    if case .null = input { return .replace([]) }
    guard let value = object(input, at: pointer) else { return nil }
    do throws(FieldError) {
      _ = try MetadataEdit.compact(value, at: pointer, limit: MetadataEdit.maxPatchByteCount)
      return .merge(value)
    } catch {
      complain(error)
      return nil
    }
  }

  private mutating func object(_ input: ObjectInput, at pointer: String) -> JSONValue? {
    switch input {
    case .absent: return nil
    case .object(let value): return value
    case .null, .otherType:
      complain(FieldError(pointer, .invalidType, "this member must be an object"))
      return nil
    }
  }
}
