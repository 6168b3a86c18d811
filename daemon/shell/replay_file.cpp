// SPDX-License-Identifier: Apache-2.0
/// See replay_file.hpp.
#include "daemon/shell/replay_file.hpp"

#include "daemon/process/descriptor.hpp"
#include "daemon/shell/system_error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace backplane::shell {
namespace {

/// A journal that is written while it is read may look damaged: what lies in front was read before what lies behind was written. From
/// there on it is read again; what is damaged stays so.
constexpr int attempts_max = 10;
constexpr std::size_t part_bytes = 1U << 20;

Expected<void> check_kind(const process::Descriptor& file, const std::string& path) {
    struct stat info {};
    if (fstat(file.get(), &info) != 0) {
        return system_error("cannot read " + path);
    }
    return S_ISREG(info.st_mode) ? Expected<void>{} : unexpected(ErrorCode::system, path + " is not a file");
}

/// What lies behind the first `keep` bytes of `bytes` is read anew, to the end of the file as it is then: to stop where the file ended
/// at the beginning would cut a record in two.
Expected<void> read_behind(const process::Descriptor& file, const std::string& path, std::size_t keep, std::string& bytes) {
    std::size_t have = keep;
    for (;;) {
        bytes.resize(have + part_bytes);
        const ssize_t count = pread(file.get(), bytes.data() + have, part_bytes, static_cast<off_t>(have));
        if (count < 0 && errno != EINTR) {
            return system_error("cannot read " + path);
        }
        if (count == 0) {
            bytes.resize(have);
            return {};
        }
        have += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
}

struct Journal {
    std::string bytes;
    JournalSurvey survey;
};

Expected<Journal> read_journal(const std::string& path) {
    const process::Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (!file) {
        return system_error("cannot read " + path);
    }
    if (const Expected<void> right = check_kind(file, path); !right) {
        return unexpected(right.error());
    }
    Journal journal;
    std::size_t keep = 0;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        if (const Expected<void> read = read_behind(file, path, keep, journal.bytes); !read) {
            return unexpected(read.error());
        }
        const Expected<JournalSurvey> survey = survey_journal(journal.bytes);
        if (!survey) {
            return unexpected(survey.error().code, path + ": " + survey.error().detail);
        }
        journal.survey = *survey;
        keep = static_cast<std::size_t>(survey->end);
        if (survey->ending == journal::Ending::whole) {
            break;
        }
    }
    return journal;
}

bool print(std::string_view text) { return std::fwrite(text.data(), 1, text.size(), stdout) == text.size(); }

int fail(const std::string& why) {
    std::fflush(stdout);
    const std::string line = "backplaned: " + why + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
    return 1;
}

}  // namespace

int replay_file(const ReplayOptions& options) {
    const Expected<Journal> journal = read_journal(options.name);
    if (!journal) {
        return fail(journal.error().detail);
    }
    const Expected<void> done = replay_journal(journal->bytes, journal->survey, options, print);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        return fail("standard output cannot be written");
    }
    return done ? 0 : fail(done.error().detail);
}

}  // namespace backplane::shell
