// The rows of the routing table below /api/v1/admin: what an operator asks of the server.

import Auth
import HTTP

extension Endpoint {
  static let operation = [
    Endpoint(
      .post, "/api/v1/admin/recover", "recoverAccess", .owner(Services.recover), on: .hashPool, takes: .json(.recovery),
      gives: .ok(.recoveredAccess), "make the account of an address an active administrator"),
    Endpoint(
      .post, "/api/v1/admin/load", "loadUsers", .owner(Services.loadUsers), on: .diskPool, takes: .json(.load),
      gives: .ok(.loaded), "make accounts that were written out elsewhere, all of them or none"),
    Endpoint(
      .post, "/api/v1/admin/pins", "pinCheckpoint", .owner(Services.pin), on: .diskPool, gives: .created(.pin),
      "keep everything answered so far in a checkpoint, for a minute"),
    Endpoint(
      .post, "/api/v1/admin/pins/{id}", "renewPin", .owner(Services.renewPin), gives: .noContent, reads: [.pinID],
      "keep it for another minute"),
    Endpoint(
      .delete, "/api/v1/admin/pins/{id}", "releasePin", .owner(Services.releasePin), on: .diskPool, gives: .noContent,
      reads: [.pinID], "let it go"),
    Endpoint(
      .post, "/api/v1/admin/checkpoint", "checkpoint", .permission(.opsWrite, Services.checkpoint), on: .diskPool,
      gives: .accepted(.work), "write everything answered so far to the pages"),
    Endpoint(
      .post, "/api/v1/admin/compact", "compact", .permission(.opsWrite, Services.compact), gives: .accepted(.work),
      reads: [.scrub], "begin a compaction, or name the one that runs"),
    Endpoint(
      .delete, "/api/v1/admin/compact", "endCompaction", .permission(.opsWrite, Services.endCompaction), gives: .noContent,
      "end the compaction, if one runs"),
    Endpoint(
      .post, "/api/v1/admin/check", "check", .permission(.opsWrite, Services.check), gives: .accepted(.work),
      "have everything on disk read and verified, or name the reading that runs"),
    Endpoint(
      .post, "/api/v1/admin/backup", "backup", .permission(.opsWrite, Services.backUp), on: .diskPool,
      takes: .optional(.backup), gives: .accepted(.work), refuses: "invalid_request backup_in_progress",
      "begin a backup of everything answered so far"),
    Endpoint(
      .get, "/api/v1/admin/dump", "dumpAccounts", .owner(Services.dumpAccounts), on: .diskPool,
      gives: .lines("application/x-ndjson"), reads: [.hashes],
      refuses: "invalid_request read_only commit_outcome_unknown storage_full", "all accounts, one a line"),
    Endpoint(
      .get, "/api/v1/admin/stats", "getStatistics", .permission(.opsRead, Services.stats), gives: .ok(.statistics),
      "figures of the store"),
    Endpoint(
      .get, "/api/v1/admin/keys", "listSigningKeys", .owner(Services.listKeys), gives: .ok(.signingKeyList),
      "the keys of access tokens"),
    Endpoint(
      .post, "/api/v1/admin/keys/rotate", "rotateSigningKeys", .owner(Services.rotateKeys), on: .diskPool,
      takes: .optional(.rotation), gives: .ok(.signingKeyList), refuses: "invalid_request", "sign with a new key"),
  ]
}
