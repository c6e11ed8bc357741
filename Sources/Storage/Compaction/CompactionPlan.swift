// What one slice of compaction is to do, decided before anything is changed. docs/storage.md §12.

/// Where pages may go and which are to leave.
struct CompactionRules {
  /// Pages from this id on are to leave.
  let limit: Int
  /// Packed leaves are put below this id.
  let ceiling: Int
  /// Neighbours are packed into fewer, full leaves; else pages only move.
  let packs: Bool
  /// Leaves are read for the places of large values.
  let readsLeaves: Bool
}

/// What came of looking at the tree from a key on.
enum CompactionPlan {
  case work(CompactionWork)
  /// Pages that are not in memory: those above the leaves, and leaves that are to be written to, in the cache; others are only read.
  case missing(cached: [PagePointer], read: [PagePointer])
  /// Nothing to do before this key; nil behind the last.
  case nothing(next: [UInt8]?)
}

struct CompactionWork {
  enum Kind {
    /// Copies leaves to lower ids.
    case move([Int], [Page])
    /// Puts packed leaves in the place of those from a child on.
    case pack(first: Int, count: Int, LeafPacking, leaves: ArraySlice<PackedLeaf>, from: [Page])
    /// Copies the pages of the large value of an entry to lower ids.
    case value(Int, [Page])
    /// Copies the pages above the leaves.
    case path
    /// The leaf is the root.
    case root
  }

  let kind: Kind
  /// A key of the leaf or of the parent.
  let key: [UInt8]
  /// Where to go on; nil behind the last.
  let next: [UInt8]?
  /// Pages that it may take.
  let pageCount: Int
  /// This is the last work under its parent, which may then fit into one page with its neighbour.
  let endsParent: Bool
}

/// Pages read past the cache, so that compaction takes little from it.
///
/// SAFETY: pages are private to this object until `removeAll`, and only the thread of checkpoints has it.
final class CompactionPages {
  private let memory: PageMemory
  private var places: [UInt64: Int] = [:]

  /// Children of one parent that are looked at together.
  static let maxLeaves = 24

  init(_ limits: PageLimits) throws(StorageError) {
    memory = try PageMemory(count: Self.maxLeaves + 1 + limits.overflowPageCount(StorageLimits.maxValueByteCount), limits)
  }

  func find(_ pointer: PagePointer) -> Page? { places[pointer.rawValue].map { memory[$0] } }

  /// Reads pages, of which there are no more than it has room for. What it had is forgotten if there is none beside it.
  func read(_ pointers: [PagePointer], from cache: FrameCache) throws(StorageError) {
    if places.count + pointers.count > memory.count { removeAll() }
    for pointer in pointers where places[pointer.rawValue] == nil {
      try cache.read(pointer, into: memory[places.count])
      places[pointer.rawValue] = places.count
    }
  }

  func removeAll() { places.removeAll(keepingCapacity: true) }
}
