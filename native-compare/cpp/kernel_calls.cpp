// The kernel's side of the comparison of memory calls: pairs of calls after which everything is as before, timed in a process of its own,
// so that neither another thread's lock nor a large heap is in the way.
//
// It reads lines "WORKLOAD PAIRS" and answers each with the nanoseconds of a pair, or with "error: ..." and exit code 1.
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr size_t kLength = 64 << 10;
constexpr size_t kArea = 1 << 20;
constexpr size_t kPage = 4096;

[[noreturn]] void Fail(const char* call) {
    std::printf("error: %s: %s\n", call, std::strerror(errno));
    std::fflush(stdout);
    _exit(1);
}

void* Map(size_t length, int protection) {
    void* at = mmap(nullptr, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) Fail("mmap");
    return at;
}

// As FastMmu's side: read-only, beside an area that may be written, so that nothing merges.
void MmapMunmap(void*) {
    void* at = Map(kLength, PROT_READ);
    if (munmap(at, kLength) != 0) Fail("munmap");
}

// The system call itself: the C library's brk compares and stores besides.
void BrkUpDown(void* heap) {
    auto start = reinterpret_cast<uintptr_t>(heap);
    if (static_cast<uintptr_t>(syscall(SYS_brk, start + kLength)) != start + kLength) Fail("brk");
    if (static_cast<uintptr_t>(syscall(SYS_brk, start)) != start) Fail("brk");
}

void MprotectSplitMerge(void* area) {
    char* middle = static_cast<char*>(area) + kLength;
    if (mprotect(middle, kLength, PROT_READ) != 0) Fail("mprotect");
    if (mprotect(middle, kLength, PROT_READ | PROT_WRITE) != 0) Fail("mprotect");
}

// One page a pair: the fault of its first write, and its part of mapping over it, which drops it again.
void Faults(void* area, uint64_t pages) {
    void* at = mmap(area, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (at == MAP_FAILED) Fail("mmap");
    // Huge pages would make one fault of 512.
    madvise(area, pages * kPage, MADV_NOHUGEPAGE);
    for (uint64_t i = 0; i < pages; i++) *(static_cast<volatile char*>(area) + i * kPage) = 1;
}

double Nanoseconds(std::chrono::steady_clock::time_point from) {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - from).count();
}

double Repeat(void (*pair)(void*), void* argument, uint64_t pairs) {
    auto start = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < pairs; i++) pair(argument);
    return Nanoseconds(start) / static_cast<double>(pairs);
}

}  // namespace

int main() {
    // Buffers before the heap is asked where it ends: nothing here allocates afterwards.
    static char input[4096], output[4096];
    std::setvbuf(stdin, input, _IOFBF, sizeof input);
    std::setvbuf(stdout, output, _IOFBF, sizeof output);
    constexpr uint64_t kFaultedPages = 1024;
    void* area = Map(kArea, PROT_READ | PROT_WRITE);
    void* faulted = Map(kFaultedPages * kPage, PROT_READ | PROT_WRITE);
    void* heap = reinterpret_cast<void*>(syscall(SYS_brk, 0));

    char name[32];
    uint64_t pairs;
    while (std::scanf("%31s %" SCNu64, name, &pairs) == 2) {
        double ns;
        if (std::strcmp(name, "mmap64k") == 0) {
            ns = Repeat(MmapMunmap, nullptr, pairs);
        } else if (std::strcmp(name, "brk64k") == 0) {
            ns = Repeat(BrkUpDown, heap, pairs);
        } else if (std::strcmp(name, "mprotect") == 0) {
            ns = Repeat(MprotectSplitMerge, area, pairs);
        } else if (std::strcmp(name, "anonfault") == 0) {
            auto start = std::chrono::steady_clock::now();
            for (uint64_t done = 0; done < pairs; done += kFaultedPages) Faults(faulted, kFaultedPages);
            ns = Nanoseconds(start) / static_cast<double>((pairs + kFaultedPages - 1) / kFaultedPages * kFaultedPages);
        } else {
            std::printf("error: no workload %s\n", name);
            return 1;
        }

        std::printf("%.1f\n", ns);
        std::fflush(stdout);
    }

    return 0;
}
