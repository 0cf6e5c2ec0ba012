// Instructions a translation of the C++ sides, without .NET: for callgrind, or counted one by one on the processor itself, AVX-512 included.
// usage: count [--step] SIDE WORKLOAD    sides: qemu-style, walk, batch; workloads: seq, rand32, rand512, rand4k, rand256k, faults1pct
// With --step it prints the instructions a translation; without, it runs `measured` once, for callgrind's --toggle-collect.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "machine.h"

using namespace compare;

extern "C" {
void* qemu_style_create(const Machine*);
uint64_t qemu_style_translate(void*, const uint64_t*, uint64_t*, uint64_t);
void* walk_create(const Machine*);
uint64_t walk_translate(void*, const uint64_t*, uint64_t*, uint64_t);
void* batch_create(const Machine*);
uint64_t batch_translate(void*, const uint64_t*, uint64_t*, uint64_t);
}

namespace {

using Translate = uint64_t (*)(void*, const uint64_t*, uint64_t*, uint64_t);

constexpr uint64_t FirstLinear = 64ull << 30;
constexpr uint64_t Batch = 16384;
// What is counted: stepping takes microseconds an instruction.
constexpr uint64_t Counted = 2048;

struct Workload {
    const char* name;
    uint64_t pages;
    uint64_t unmapped_one_in;
    bool sequential;
};

constexpr Workload Workloads[] = {
    {"seq", 4096, 0, true},       {"rand32", 32, 0, false},         {"rand512", 512, 0, false},
    {"rand4k", 4096, 0, false},   {"rand256k", 1 << 18, 0, false},  {"faults1pct", 4096, 100, false},
};

// Four levels of tables from physical address 0 on; the frames that they lead to are never touched, so there are none.
struct Tables {
    uint64_t bytes;
    uint8_t* memory;
    uint64_t next = 4096;

    explicit Tables(const Workload& workload) : bytes((workload.pages / 512 + 8) * 4096) {
        memory = static_cast<uint8_t*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (memory == MAP_FAILED) std::abort();
        for (uint64_t page = 0; page < workload.pages; page++) {
            if (workload.unmapped_one_in != 0 && page % workload.unmapped_one_in == workload.unmapped_one_in / 2) continue;
            // An odd multiplier permutes the numbers below a power of two.
            map(FirstLinear + (page << 12), (page * 0x9e37'79b1 & (workload.pages - 1)) << 12);
        }
    }

    uint64_t& entry(uint64_t table, uint64_t linear, int level) {
        return *reinterpret_cast<uint64_t*>(memory + table + (linear >> (9 * level) & 0xff8));
    }

    void map(uint64_t linear, uint64_t frame) {
        constexpr uint64_t bits = Present | Write | User | Accessed | Dirty;
        uint64_t table = 0;
        for (int level = 4; level > 1; level--) {
            uint64_t& raw = entry(table, linear, level);
            if (raw == 0) {
                raw = next | bits;
                next += 4096;
            }
            table = raw & Frame;
        }
        entry(table, linear, 1) = frame | bits;
    }
};

uint64_t next_random(uint64_t& state) {
    state += 0x9e37'79b9'7f4a'7c15;
    uint64_t z = (state ^ state >> 30) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
    return z ^ z >> 31;
}

// In a process traced by its parent, this stop says that what follows is counted, or no longer.
void mark(bool step) {
    if (step) raise(SIGSTOP);
}

}  // namespace

extern "C" __attribute__((noinline)) void measured(Translate translate, void* side, const uint64_t* linear, uint64_t* physical) {
    translate(side, linear, physical, Counted);
}

namespace {

void run(Translate translate, void* side, const std::vector<uint64_t>& linear, bool step) {
    std::vector<uint64_t> physical(Batch);
    // Until what is cached is cached, and a batch has found out whether its table is of use.
    for (uint64_t start = 0; start + 2 * Batch <= linear.size(); start += Batch) translate(side, linear.data() + start, physical.data(), Batch);
    mark(step);
    measured(translate, side, linear.data() + linear.size() - Batch, physical.data());
    mark(step);
}

// Instructions between the two stops of a child, of which those of `mark` itself are some dozens.
double count_steps(pid_t child) {
    int status;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
    uint64_t steps = 0;
    while (true) {
        if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return -1;
        if (WSTOPSIG(status) == SIGSTOP) break;
        steps++;
    }
    ptrace(PTRACE_CONT, child, nullptr, nullptr);
    waitpid(child, &status, 0);
    return double(steps) / Counted;
}

}  // namespace

int main(int argc, char** argv) {
    bool step = argc > 1 && std::strcmp(argv[1], "--step") == 0;
    const char* name = argc == 3 + step ? argv[1 + step] : "";
    const Workload* workload = nullptr;
    for (const Workload& each : Workloads) {
        if (argc == 3 + step && std::strcmp(argv[2 + step], each.name) == 0) workload = &each;
    }
    Translate translate = std::strcmp(name, "qemu-style") == 0 ? qemu_style_translate
        : std::strcmp(name, "walk") == 0                       ? walk_translate
        : std::strcmp(name, "batch") == 0                      ? batch_translate
                                                               : nullptr;
    if (workload == nullptr || translate == nullptr) {
        std::fprintf(stderr, "usage: count [--step] qemu-style|walk|batch WORKLOAD\n");
        return 2;
    }

    Tables tables(*workload);
    Machine machine{tables.memory, tables.bytes, 0};
    void* side = translate == qemu_style_translate ? qemu_style_create(&machine)
        : translate == walk_translate              ? walk_create(&machine)
                                                   : batch_create(&machine);
    uint64_t state = 1;
    std::vector<uint64_t> linear(16 * Batch);
    for (size_t i = 0; i < linear.size(); i++) {
        linear[i] = FirstLinear + (workload->sequential ? i * 8 : next_random(state) & ((workload->pages << 12) - 1));
    }

    pid_t child = step ? fork() : 0;
    if (child == 0) {
        if (step) ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        run(translate, side, linear, step);
        return 0;
    }
    double steps = count_steps(child);
    if (steps < 0) {
        std::fprintf(stderr, "count: this system does not let a process be stepped.\n");
        return 1;
    }
    std::printf("%.2f\n", steps);
    return 0;
}
