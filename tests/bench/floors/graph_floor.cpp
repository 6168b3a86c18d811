// SPDX-License-Identifier: Apache-2.0
/// The least that a graph of Devices can cost in memory of one thread: slots with generations, pooled edges on two
/// doubly linked lists, notices as 16-byte records in a ring. It has no rules, owners, faults or names, and does not
/// even look whether an edge is there twice; the bench prints the core's figures as multiples of these.
///
/// Prints one line `NAME NANOSECONDS` for each figure.
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using Number = std::uint32_t;

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Keeps the compiler from dropping or merging what is measured.
void barrier() { asm volatile("" : : : "memory"); }
template <class T>
void keep(const T& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

struct Id {
    Number slot;
    Number generation;
};

struct Vertex {
    Number generation;
    Number watchers;  ///< first edge of those who hear of me
    Number watched;   ///< first edge of those I hear of
    Number free_next;
};

struct Edge {
    Number target, watcher;
    Number next_watcher, previous_watcher;  ///< on the target's list; the first also chains free edges
    Number next_watched, previous_watched;  ///< on the watcher's list
};

struct Notice {
    Number to, to_generation, from, fault;
};

/// Records at fixed places; number 0 is nobody.
template <class T>
class Pool {
  public:
    explicit Pool(std::size_t count) : bytes_((count + 2) * sizeof(T)) {
        void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            std::abort();
        }
        madvise(memory, bytes_, MADV_NOHUGEPAGE);
        items_ = static_cast<T*>(memory);
    }
    ~Pool() { munmap(items_, bytes_); }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    T& operator[](Number index) { return items_[index]; }

    Number free_first = 0;
    Number fresh = 1;

  private:
    std::size_t bytes_;
    T* items_ = nullptr;
};

class FloorGraph {
  public:
    FloorGraph(std::size_t vertices, std::size_t edges, Number ring_size)
        : vertex_(vertices), edge_(edges), ring_(ring_size), records_(ring_.data()), mask_(ring_size - 1) {}

    Id create() {
        Number slot = vertex_.free_first;
        if (slot != 0) {
            vertex_.free_first = vertex_[slot].free_next;
        } else {
            slot = vertex_.fresh++;
        }
        Vertex& vertex = vertex_[slot];
        vertex.generation++;
        vertex.watchers = vertex.watched = 0;
        return Id{slot, vertex.generation};
    }

    Number link(Id watcher, Id target) {
        if (!is_live(watcher) || !is_live(target)) {
            return 0;
        }
        Number number = edge_.free_first;
        if (number != 0) {
            edge_.free_first = edge_[number].next_watcher;
        } else {
            number = edge_.fresh++;
        }
        Edge& edge = edge_[number];
        Vertex& from = vertex_[target.slot];
        Vertex& to = vertex_[watcher.slot];
        edge.target = target.slot;
        edge.watcher = watcher.slot;
        edge.next_watcher = from.watchers;
        edge.previous_watcher = 0;
        if (from.watchers != 0) {
            edge_[from.watchers].previous_watcher = number;
        }
        from.watchers = number;
        edge.next_watched = to.watched;
        edge.previous_watched = 0;
        if (to.watched != 0) {
            edge_[to.watched].previous_watched = number;
        }
        to.watched = number;
        return number;
    }

    /// Tells every watcher, takes all its edges away and frees the slot.
    Number destroy(Id id, Number fault) {
        if (!is_live(id)) {
            return 0;
        }
        Vertex& vertex = vertex_[id.slot];
        Number told = 0;
        for (Number number = vertex.watchers; number != 0; told++) {
            const Number next = edge_[number].next_watcher;
            if (next != 0) {
                __builtin_prefetch(&vertex_[edge_[next].watcher]);
            }
            const Edge& edge = edge_[number];
            Vertex& watcher = vertex_[edge.watcher];
            records_[head_++ & mask_] = Notice{edge.watcher, watcher.generation, id.slot, fault};
            leave_watcher(edge, watcher);
            release(number);
            number = next;
        }
        for (Number number = vertex.watched; number != 0;) {
            const Number next = edge_[number].next_watched;
            leave_target(number);
            release(number);
            number = next;
        }
        vertex.generation++;
        vertex.free_next = vertex_.free_first;
        vertex_.free_first = id.slot;
        return told;
    }

  private:
    bool is_live(Id id) { return vertex_[id.slot].generation == id.generation; }

    void leave_watcher(const Edge& edge, Vertex& watcher) {
        if (edge.previous_watched != 0) {
            edge_[edge.previous_watched].next_watched = edge.next_watched;
        } else {
            watcher.watched = edge.next_watched;
        }
        if (edge.next_watched != 0) {
            edge_[edge.next_watched].previous_watched = edge.previous_watched;
        }
    }

    void leave_target(Number number) {
        Edge& edge = edge_[number];
        if (edge.previous_watcher != 0) {
            edge_[edge.previous_watcher].next_watcher = edge.next_watcher;
        } else {
            vertex_[edge.target].watchers = edge.next_watcher;
        }
        if (edge.next_watcher != 0) {
            edge_[edge.next_watcher].previous_watcher = edge.previous_watcher;
        }
    }

    void release(Number number) {
        edge_[number].next_watcher = edge_.free_first;
        edge_.free_first = number;
    }

    Pool<Vertex> vertex_;
    Pool<Edge> edge_;
    std::vector<Notice> ring_;
    Notice* records_;
    Number mask_;
    Number head_ = 0;
};

constexpr Number rounds = 1'000'000;
constexpr int repeats = 10;

/// Prints the best of several repeats, in nanoseconds a round: what else the machine does only ever adds.
template <class Body>
void measure(const char* name, Body body) {
    double best = 1e9;
    for (int repeat = 0; repeat < repeats; repeat++) {
        const std::int64_t start = now_ns();
        for (Number i = 0; i < rounds; i++) {
            body();
        }
        best = std::min(best, static_cast<double>(now_ns() - start) / rounds);
    }
    std::printf("%s %.2f\n", name, best);
}

void measure_create_destroy() {
    FloorGraph graph(1024, 1024, 1024);
    measure("create_destroy", [&graph] {
        const Id id = graph.create();
        keep(id.slot);
        graph.destroy(id, 0);
        barrier();
    });
}

void measure_link_notice() {
    FloorGraph graph(1024, 1024, 1024);
    measure("create2_link_drop_notice", [&graph] {
        const Id watcher = graph.create();
        const Id target = graph.create();
        keep(watcher.slot);
        keep(target.slot);
        keep(graph.link(watcher, target));
        graph.destroy(target, 1);
        barrier();
        graph.destroy(watcher, 0);
    });
}

/// One hub with `count` watchers; the best of five rounds, so that all memory is there already.
void measure_fan_out(Number count) {
    Number ring = 1;
    while (ring < count) {
        ring <<= 1;
    }
    FloorGraph graph(count + 1, count, ring);
    std::vector<Id> watchers(count);
    for (Id& watcher : watchers) {
        watcher = graph.create();
    }
    double link_best = 1e9;
    double notice_best = 1e9;
    for (int round = 0; round < 5; round++) {
        const Id hub = graph.create();
        const std::int64_t start = now_ns();
        for (const Id watcher : watchers) {
            graph.link(watcher, hub);
        }
        const std::int64_t linked = now_ns();
        if (graph.destroy(hub, 1) != count) {
            std::abort();
        }
        notice_best = std::min(notice_best, static_cast<double>(now_ns() - linked) / count);
        link_best = std::min(link_best, static_cast<double>(linked - start) / count);
    }
    std::printf("fan_out_link_%u %.2f\n", count, link_best);
    std::printf("fan_out_notice_%u %.2f\n", count, notice_best);
}

}  // namespace

int main() {
    measure_create_destroy();
    measure_link_notice();
    for (const Number count : {1'000u, 10'000u, 100'000u, 1'000'000u}) {
        measure_fan_out(count);
    }
    return 0;
}
