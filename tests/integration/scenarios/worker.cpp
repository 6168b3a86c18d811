// SPDX-License-Identifier: Apache-2.0
/// A worker for the scenarios, which does as it is told: what its start is like by its words, what it does later by datagrams.
///
///   bp_scenario_worker FOLDER NAME [BEHAVIOUR [then BEHAVIOUR]...]
///
/// Each start takes the next behaviour, and all further ones the last; `FOLDER/NAME.starts` counts them. A behaviour is some of these,
/// joined by `+`; with none of the first five it becomes ready at once, lives on, and exits with 0 when it is asked to end:
///
///   exit:N        exits at once, before it is ready       hang          never becomes ready of itself
///   die:N         the same, by signal N                   ready_exit:N  becomes ready and exits at once
///   deaf          ignores every request to end            end_exit:N    exits with N when it is asked
///   end_die       dies of the signal that asks            parent        leaves a process in its group that ignores requests
///   brood         leaves one that heeds them
///   beat          says WATCHDOG=1 again and again
///
/// It takes orders at the socket `FOLDER/NAME.orders` and answers each before it obeys: `exit N`, `die N`, `ready`, `deaf`, `quiet` (no
/// WATCHDOG=1 any more) and `here`, which asks for nothing.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text, char by) {
    Words out;
    std::istringstream all{std::string{text}};
    for (std::string word; std::getline(all, word, by);) {
        out.push_back(word);
    }
    return out;
}

sockaddr_un address(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::snprintf(to.sun_path, sizeof to.sun_path, "%s", path.c_str());
    return to;
}

void notify(const char* text) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr) {
        return;
    }
    const sockaddr_un to = address(path);
    const int from = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (::sendto(from, text, std::strlen(text), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) {
        std::perror("notify");
    }
    ::close(from);
}

/// Adds a line to a file and tells how many it has now.
std::size_t add_line(const std::string& path, int number) {
    std::FILE* file = std::fopen(path.c_str(), "a+");
    if (file == nullptr) {
        std::perror(path.c_str());
        std::exit(99);
    }
    std::fprintf(file, "%d\n", number);
    std::rewind(file);
    std::size_t lines = 0;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
        lines += c == '\n' ? 1 : 0;
    }
    std::fclose(file);
    return lines;
}

/// The signals by which the scenarios ask for an end.
sigset_t asking() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
        sigaddset(&set, number);
    }
    return set;
}

[[noreturn]] void die(int number) {
    sigset_t all;
    sigfillset(&all);
    ::signal(number, SIG_DFL);
    ::kill(::getpid(), number);
    ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
    ::_exit(98);
}

class Worker {
  public:
    explicit Worker(std::string place) : place_(std::move(place)) {}

    void behave(const std::string& behaviour) {
        bool is_ready = true;
        for (const std::string& trait : split(behaviour, '+')) {
            const Words parts = split(trait, ':');
            const int number = parts.size() > 1 ? std::atoi(parts[1].c_str()) : 0;
            if (parts[0] == "exit") {
                ::_exit(number);
            } else if (parts[0] == "die") {
                die(number);
            } else if (parts[0] == "ready_exit") {
                notify("READY=1");
                ::_exit(number);
            } else if (parts[0] == "end_exit") {
                end_code_ = number;
            } else if (parts[0] == "parent" || parts[0] == "brood") {
                leave_a_process(parts[0] == "brood");
            } else if (parts[0] == "beat") {
                beats_ = true;
            } else if (parts[0] == "deaf") {
                become_deaf();
            } else if (parts[0] == "end_die") {
                dies_of_it_ = true;
            } else if (parts[0] == "hang") {
                is_ready = false;
            } else if (parts[0] != "ready") {
                std::fprintf(stderr, "no such behaviour: %s\n", trait.c_str());
                ::_exit(97);
            }
        }
        listen();
        if (is_ready) {
            notify("READY=1");
        }
    }

    void serve() {
        const sigset_t set = asking();
        const int asked = ::signalfd(-1, &set, SFD_CLOEXEC);
        for (;;) {
            pollfd both[2] = {{orders_, POLLIN, 0}, {asked, POLLIN, 0}};
            if (::poll(both, 2, beats_ ? 20 : -1) == 0) {
                notify("WATCHDOG=1");
            }
            if ((both[1].revents & POLLIN) != 0) {
                be_asked(asked);
            }
            if ((both[0].revents & POLLIN) != 0) {
                obey();
            }
        }
    }

  private:
    void listen() {
        const std::string path = place_ + ".orders";
        const sockaddr_un here = address(path);
        ::unlink(path.c_str());
        orders_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (::bind(orders_, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) {
            std::perror(path.c_str());
            std::exit(96);
        }
    }

    void become_deaf() {
        is_deaf_ = true;
        ::signal(SIGABRT, SIG_IGN);
    }

    void leave_a_process(bool heeds) {
        const pid_t child = ::fork();
        if (child == 0) {
            const sigset_t set = asking();
            ::sigprocmask(heeds ? SIG_UNBLOCK : SIG_BLOCK, &set, nullptr);
            for (;;) {
                ::pause();
            }
        }
        add_line(place_ + ".left", child);
    }

    void be_asked(int asked) {
        signalfd_siginfo info{};
        if (::read(asked, &info, sizeof info) != sizeof info || is_deaf_) {
            return;
        }
        if (dies_of_it_) {
            die(static_cast<int>(info.ssi_signo));
        }
        ::_exit(end_code_);
    }

    void obey() {
        char text[64] = {};
        sockaddr_un from{};
        socklen_t length = sizeof from;
        if (::recvfrom(orders_, text, sizeof text - 1, 0, reinterpret_cast<sockaddr*>(&from), &length) <= 0) {
            return;
        }
        (void)::sendto(orders_, "ok", 2, 0, reinterpret_cast<const sockaddr*>(&from), length);
        const Words words = split(text, ' ');
        const int number = words.size() > 1 ? std::atoi(words[1].c_str()) : 0;
        if (words[0] == "exit") {
            ::_exit(number);
        } else if (words[0] == "die") {
            die(number);
        } else if (words[0] == "ready") {
            notify("READY=1");
        } else if (words[0] == "deaf") {
            become_deaf();
        } else if (words[0] == "quiet") {
            beats_ = false;
        }
    }

    std::string place_;
    int orders_ = -1;
    int end_code_ = 0;
    bool beats_ = false;
    bool is_deaf_ = false;
    bool dies_of_it_ = false;
};

/// What the behaviours say of this start; `ready` where they say nothing.
std::string behaviour_of(int count, char** words, std::size_t start) {
    Words behaviours;
    for (int i = 3; i < count; ++i) {
        if (std::string_view{words[i]} != "then") {
            behaviours.emplace_back(words[i]);
        }
    }
    if (behaviours.empty()) {
        return "ready";
    }
    return behaviours[start < behaviours.size() ? start : behaviours.size() - 1];
}

}  // namespace

int main(int count, char** words) {
    if (count < 3) {
        std::fprintf(stderr, "usage: bp_scenario_worker FOLDER NAME [BEHAVIOUR [then BEHAVIOUR]...]\n");
        return 2;
    }
    const sigset_t set = asking();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    std::string name = words[2];
    for (char& letter : name) {
        letter = letter == '/' ? '.' : letter;
    }
    const std::string place = std::string{words[1]} + "/" + name;
    Worker worker{place};
    worker.behave(behaviour_of(count, words, add_line(place + ".starts", ::getpid()) - 1));
    worker.serve();
}
