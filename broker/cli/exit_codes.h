// What a command's exit status means. 0 and 1 are answers; the others follow sysexits.h, so that a script can tell a
// bad argument from a daemon that is not there.
#pragma once

namespace penstock::cli {

constexpr int kOk = 0;
constexpr int kRefused = 1;       // a decision went against you: a refusal, or a verification that failed
constexpr int kUsage = 64;        // the command line makes no sense
constexpr int kBadData = 65;      // what was sent is wrong: unknown name, value out of bounds, reused id
constexpr int kUnavailable = 69;  // the daemon cannot be reached, or takes no more work now: trying again may help
constexpr int kInternal = 70;     // a bug here or there
constexpr int kIo = 74;           // a file could not be read or written
constexpr int kPermission = 77;   // no credential, a wrong one, or one that may not do this
constexpr int kConfig = 78;       // a configuration, key or certificate file is malformed

/// For the end of --help.
constexpr const char* kExitCodesHelp =
    "Exit status: 0 ok, 1 refused or verification failed, 64 usage, 65 bad data, 69 unavailable, 70 internal, "
    "74 input/output, 77 permission, 78 configuration.";

}  // namespace penstock::cli
