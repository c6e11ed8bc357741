// The connections of one loop by their number.

/// Slots that are used again, each with a generation, so that a late event cannot reach the next connection in its place.
struct ConnectionTable {
  private var connections: [Connection?] = []
  private var generations: [UInt32] = []
  private var free: [Int] = []

  var count: Int { connections.count - free.count }

  /// Takes a free slot.
  mutating func reserve() -> ConnectionToken {
    if let slot = free.popLast() { return ConnectionToken(slot: slot, generation: generations[slot]) }
    connections.append(nil)
    generations.append(0)
    return ConnectionToken(slot: connections.count - 1, generation: 0)
  }

  /// Fills the slot that was taken.
  mutating func place(_ connection: Connection, at token: ConnectionToken) { connections[Int(token.slot)] = connection }

  subscript(token: ConnectionToken) -> Connection? {
    let slot = Int(token.slot)
    guard slot < connections.count, generations[slot] == token.generation else { return nil }
    return connections[slot]
  }

  subscript(slot slot: Int) -> Connection? { connections[slot] }

  /// Empties a slot and closes what was in it.
  mutating func remove(_ token: ConnectionToken) {
    guard self[token] != nil else { return }
    let slot = Int(token.slot)
    connections[slot] = nil
    // The upper bits of a token tell connections from the loop's own descriptors.
    generations[slot] = (generations[slot] &+ 1) & 0x3fff_ffff
    free.append(slot)
  }

  /// All that are open now.
  var all: [Connection] { connections.compactMap(\.self) }
}
