// The table of all verbs: the command line.

extension Verb {
  /// The command line, all of it.
  static let all: [Verb] = [
    serve, adminUserCreate, adminUserList, adminUserGet, adminUserUpdate, adminUserDisable, adminUserEnable, adminUserUnlock,
    adminUserDelete, adminUserRestore, adminUserErase, adminUserMFAReset, adminUserResetLink, adminUserSessions, adminRecover,
    adminBackup,
    adminRestore, adminCheck,
    adminDump, adminLoad, adminCompact, adminCheckpoint, adminStats, adminSalvage, adminAuditTail, adminAuditVerify,
    adminCalibrate, adminDiskCheck, adminKeysList,
    adminKeysRotate, adminSessionList, adminSessionRevoke, adminRoleList, adminRoleShow, adminRoleSet, adminRoleDelete,
    adminKeyCreate, adminKeyList, adminKeyRevoke, configCheck, configShow, configKeys, schemaOpenAPI, schemaTypeScript,
    healthcheck, completion, version, help,
  ]
}
