// Mistakes that tests plant on purpose, to prove that the crash rig would find them.

/// One deliberate violation of docs/storage.md. Nothing but tests sets one; each is asked for beside a system call, never on a hot path.
package enum PlantedBug: String, CaseIterable, Sendable {
  /// Frames are acknowledged without a flush (S1).
  case acknowledgeWithoutSync
  /// The root is published before the frame is flushed (S1).
  case publishBeforeSync
  /// Open reads what a killed process left without making it durable first (S7).
  case trustUnsyncedBytes
  /// A spare gets its final name before its header is written (docs/storage.md §3).
  case headerAfterRename
  /// The folder is not flushed after a roll (docs/storage.md §3).
  case skipFolderSync
  /// After a torn tail the log goes on behind it in the same segment (S6).
  case appendAfterDamage
  /// After an orderly end the log goes on in its last segment, which the next open takes for untouched (docs/storage.md §4).
  case appendAfterCleanEnd
  /// A frame counts only if its batch is the previous one plus one (docs/file-format.md §5).
  case chainWithoutGaps
  /// Everything behind the first bad frame is taken for a torn tail (S13).
  case ignoreWitnesses
  /// A failed flush is tried again (S12).
  case retryFailedSync
  /// The newest superblock is overwritten in place (S4).
  case overwriteSuperblock
  /// Room is not reserved before a transaction is applied (S11).
  case applyWithoutRoom
  /// The superblock is flipped before the pages are flushed (S4).
  case flipBeforePageSync
  /// Segments are recycled before the log names the checkpoint that does without them (S4).
  case recycleBeforeNamed
  /// What only the checkpoint before needs is free before the log names the next one (S4).
  case freePredecessorEarly
  /// One dirty page is not written.
  case forgetDirtyPage
  /// The epoch of a run follows upon the superblock's number only, not upon the log's (S5).
  case epochFromSuperblock
  /// main.udb is cut off before the log names the checkpoint that does without its end (S4).
  case cutBeforeNamed
  /// A segment is recycled before the name of its copy in the archive is durable (docs/storage.md §15).
  case recycleBeforeArchived
}
