// GET /api/v1/admin/dump: all accounts as lines of JSON. On the admin socket only.

package import Auth
package import Codecs
import HTTP
import Synchronization

extension Services {
  @Sendable func dumpAccounts(
    _ request: borrowing Request, _ authority: Authority, _ response: inout Response
  ) throws(Problem) {
    let hasHashes = try request.flag("hashes")
    let dump = try calling(request) { () throws(AuthError) in try accounts.dump(by: authority) }
    let lines = DumpLines(store: dump.store, checkpoint: dump.checkpoint, hasHashes: hasHashes)
    let requestID = request.requestID
    response.contentType = .other("application/x-ndjson")
    response.stream { [operation] piece throws(Problem) in
      while piece.count < BodySource.pieceByteCount {
        let accounts: [DumpedAccount]
        do throws(AuthError) { accounts = try dump.next() } catch {
          throw API.problem(of: error) { operation.report($0, requestID) }
        }
        if !lines.append(accounts, to: &piece) { return .last }
      }
      return .more
    }
  }
}

/// The lines of a dump, some accounts at a time. One thread at a time makes them.
package final class DumpLines: Sendable {
  private let store: String
  private let checkpoint: UInt64
  private let hasHashes: Bool
  /// Accounts so far; nil before the first line.
  private let count = Mutex<Int?>(nil)

  package init(store: String, checkpoint: UInt64, hasHashes: Bool) {
    self.store = store
    self.checkpoint = checkpoint
    self.hasHashes = hasHashes
  }

  /// Accounts that were written.
  package var accountCount: Int { count.withLock { $0 ?? 0 } }

  /// Appends the lines of the next accounts, before them the first line and after them the last one; false after that.
  ///
  /// - Parameter accounts: none at the end.
  package func append(_ accounts: [DumpedAccount], to piece: inout ByteBuffer) -> Bool {
    if count.withLock({ $0 }) == nil {
      append(DumpLine.head(store: store, checkpoint: checkpoint, hasHashes: hasHashes), to: &piece)
    }
    let total = accountCount + accounts.count
    count.withLock { $0 = total }
    for account in accounts {
      append(
        hasHashes ? DumpLine.user(account.user, passwordHash: account.passwordHash) : DumpLine.user(account.user), to: &piece)
    }
    if accounts.isEmpty { append(DumpLine.end(users: total), to: &piece) }
    return !accounts.isEmpty
  }

  private func append(_ line: consuming ByteBuffer, to piece: inout ByteBuffer) {
    line.withSpan { piece.append($0) }
  }
}
