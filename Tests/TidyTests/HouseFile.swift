// The files of the house as the rules see them.

import Glibc

/// A text file of the repository.
struct HouseFile {
  /// From the top of the repository, such as `Sources/Codecs/Hex.swift`.
  let path: String
  let text: String
  let lines: [Substring]
  /// Empty for files that are not Swift.
  let tokens: SwiftTokens

  init(path: String, text: String) {
    self.path = path
    self.text = text
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    tokens = SwiftTokens(path.hasSuffix(".swift") ? text : "")
  }

  var isSwift: Bool { path.hasSuffix(".swift") }

  func isUnder(_ folders: String...) -> Bool { folders.contains { path.hasPrefix($0 + "/") } }

  /// The floor or tool that the file belongs to, such as `Codecs`.
  var target: Substring { path.split(separator: "/").dropFirst().first ?? "" }
}

/// The whole repository, read once.
struct House {
  let files: [HouseFile]
  /// Every file, also those that are not text, and every folder.
  let paths: Set<String>
  /// What lies at the top.
  let top: [String]

  init(files: [HouseFile], paths: Set<String> = [], top: [String] = []) {
    self.files = files
    self.paths = paths.union(files.map(\.path))
    self.top = top
  }

  /// A house of one file, for planting violations.
  init(_ path: String, _ text: String) { self.init(files: [HouseFile(path: path, text: text)]) }

  func file(_ path: String) -> HouseFile? { files.first { $0.path == path } }

  /// The repository that this source file was compiled from.
  static func own() throws -> House {
    let suffix = "/Tests/TidyTests/HouseFile.swift"
    let path = try resolved(#filePath)
    guard path.hasSuffix(suffix) else { throw TidyError.noHouse(path) }
    let root = String(path.dropLast(suffix.count))
    var files: [HouseFile] = []
    var paths: Set<String> = []
    func visit(_ folder: String) throws {
      for name in try entries(of: folder.isEmpty ? root : "\(root)/\(folder)")
      where !name.hasPrefix(".") && !name.hasPrefix("__pycache__") {
        let path = folder.isEmpty ? name : "\(folder)/\(name)"
        paths.insert(path)
        if try isFolder("\(root)/\(path)") {
          try visit(path)
        } else if ["swift", "md", "py", "sh", "c", "yaml", "service"].contains(
          name.split(separator: ".").last.map(String.init) ?? "")
        {
          files.append(HouseFile(path: path, text: try contents(of: "\(root)/\(path)")))
        }
      }
    }
    let ignored = try contents(of: "\(root)/.gitignore").split(separator: "\n")
    let top = try entries(of: root).filter { !ignored.contains("/\($0)/") && !ignored.contains("\($0)/") }
    for name in top where !name.hasPrefix(".") {
      paths.insert(name)
      if try isFolder("\(root)/\(name)") {
        try visit(name)
      } else {
        files.append(HouseFile(path: name, text: try contents(of: "\(root)/\(name)")))
      }
    }
    return House(files: files, paths: paths, top: top.sorted())
  }
}

enum TidyError: Error {
  case noHouse(String)
  case unreadable(String)
}

private func entries(of folder: String) throws -> [String] {
  guard let stream = unsafe opendir(folder) else { throw TidyError.unreadable(folder) }
  defer { unsafe closedir(stream) }
  var names: [String] = []
  while let entry = unsafe readdir(stream) {
    let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { pointer in
      unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// The path without symbolic links.
private func resolved(_ path: String) throws -> String {
  guard let real = unsafe realpath(path, nil) else { throw TidyError.unreadable(path) }
  defer { unsafe free(real) }
  return unsafe String(cString: real)
}

private func isFolder(_ path: String) throws -> Bool {
  var status = stat()
  guard unsafe lstat(path, &status) == 0 else { throw TidyError.unreadable(path) }
  return status.st_mode & S_IFMT == S_IFDIR
}

private func contents(of path: String) throws -> String {
  let descriptor = unsafe open(path, O_RDONLY)
  guard descriptor >= 0 else { throw TidyError.unreadable(path) }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    guard count >= 0 else { throw TidyError.unreadable(path) }
    if count == 0 { break }
    bytes += chunk[..<count]
  }
  guard let text = String(validating: bytes, as: UTF8.self) else { throw TidyError.unreadable(path) }
  return text
}
