// swift-tools-version: 6.3
// The floors of userd, from the command line down to the system calls. docs/architecture.md has the table that this file follows.

import PackageDescription

/// One set of language rules for every target.
let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Platform alone declares the Linux calls that the Glibc module leaves out.
let linux = house + [.enableExperimentalFeature("Extern")]

// One target for each processor feature level, because the compiler uses a target's flags in all of its code. Optimised in debug
// builds too: there each instruction would be a call, and a password hash takes fifty times as long.
#if arch(x86_64)
  let instructions = house + [.unsafeFlags(["-O", "-Xcc", "-msha", "-Xcc", "-msse4.2", "-Xcc", "-mcrc32"])]
  let wideInstructions = house + [.unsafeFlags(["-O", "-Xcc", "-mavx2"])]
#else
  let instructions = house
  let wideInstructions = house
#endif

/// For floors that mostly call others: judging requests, writing answers, verbs. Counted, /api/auth/me takes as many instructions either way.
let small: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// Release executables are static and stripped, so that one file is the whole installation, and have no unwind tables (docs/decisions/0008).
let sections = Context.packageDirectory + "/Sources/userd/executable.ld"
/// What the standard library retains for callers that it does not have here (docs/decisions/0014). Tried where it was measured only.
#if arch(x86_64)
  let scripts = [sections, Context.packageDirectory + "/Sources/userd/unused.ld"]
#else
  let scripts = [sections]
#endif
/// What the standard library could tell of a character and nobody here asks for. Without a caller its tables stay out (docs/decisions/0013).
let unasked = ["getScalarName", "getNameAlias", "getAge", "getScript", "getScriptExtensions"].flatMap {
  ["-Xlinker", "--wrap=_swift_stdlib_" + $0, "-Xlinker", "--defsym=__wrap__swift_stdlib_" + $0 + "=abort"]
}
let link: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-static-executable", "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "--icf=all", "-Xlinker", "-s",
      "-Xlinker", "-O2", "-Xlinker", "--no-eh-frame-hdr",
    ] + scripts.flatMap { ["-Xlinker", "--script=" + $0] } + unasked,
    .when(configuration: .release))
]

func floor(_ name: String, _ below: [String], _ settings: [SwiftSetting] = house) -> Target {
  .target(name: name, dependencies: below.map { .init(stringLiteral: $0) }, swiftSettings: settings)
}

func tests(_ name: String, _ more: [String] = [], exclude: [String] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: ([name, "TestSupport"] + more).map { .init(stringLiteral: $0) }, exclude: exclude,
    swiftSettings: house)
}

/// The fuzzer with feedback has no `main` but the one of libFuzzer, so it is declared only when Fuzz/libfuzzer.sh asks.
let feedbackFuzzer: [Target] =
  Context.environment["USERD_LIBFUZZER"] == nil
  ? []
  : [
    .executableTarget(
      name: "userd-libfuzzer",
      dependencies: ["Auth", "Codecs", "Crypto", "HTTP", "Platform", "PlainReaders", "Repositories", "Storage", "TestSupport"],
      path: "Fuzz/libfuzzer",
      swiftSettings: house + [.unsafeFlags(["-parse-as-library"])])
  ]

let package = Package(
  name: "userd",
  targets: [
    floor("Platform", [], linux),
    floor("Codecs", []),
    floor("Instructions", [], instructions),
    floor("WideInstructions", [], wideInstructions),
    floor("Crypto", ["Platform", "Instructions", "WideInstructions"]),
    floor("Storage", ["Platform"]),
    floor("HTTP", ["Platform", "Codecs"]),
    floor("Repositories", ["Storage", "Codecs"]),
    floor("Auth", ["Repositories", "Crypto", "Codecs", "Platform"], house + small),
    floor("API", ["HTTP", "Auth", "Codecs"], house + small),
    .executableTarget(
      name: "userd",
      dependencies: ["API", "Auth", "Repositories", "Storage", "HTTP", "Crypto", "Codecs", "Platform"],
      exclude: ["executable.ld", "unused.ld"], swiftSettings: house + small, linkerSettings: link),
    .executableTarget(
      name: "userd-bench", dependencies: ["API", "Auth", "Repositories", "Storage", "HTTP", "Crypto", "Codecs", "Platform"],
      path: "Benchmarks/userd-bench", swiftSettings: house, linkerSettings: link),
    .executableTarget(
      name: "userd-fuzz",
      dependencies: [
        "API", "Auth", "Codecs", "Crypto", "HTTP", "Platform", "PlainReaders", "Repositories", "Storage", "TestSupport",
      ],
      path: "Fuzz/userd-fuzz", swiftSettings: house),
    .target(name: "PlainReaders", dependencies: ["Codecs", "HTTP"], path: "Fuzz/PlainReaders", swiftSettings: house),
    .target(
      name: "TestSupport", dependencies: ["Platform", "Codecs", "Crypto", "Storage"], path: "Tests/TestSupport",
      swiftSettings: house),
    tests("Platform"), tests("Codecs"), tests("Storage", ["Platform"], exclude: ["Golden/Fixtures"]),
    tests("Crypto", ["Platform"], exclude: ["CrossCheck", "PasswordBlocklist"]),
    tests("HTTP", ["Platform", "Codecs"]),
    tests("Repositories", ["Storage", "Platform", "Codecs"], exclude: ["Golden"]),
    tests("Auth", ["Repositories", "Storage", "Crypto", "Codecs", "Platform"], exclude: ["CrossCheck"]),
    tests("API", ["HTTP", "Auth", "Repositories", "Storage", "Crypto", "Codecs", "Platform"]),
    .testTarget(name: "SystemTests", dependencies: ["TestSupport", "Platform", "Codecs"], swiftSettings: house),
    .testTarget(name: "TidyTests", dependencies: ["TestSupport", "Platform"], swiftSettings: house),
  ] + feedbackFuzzer)
