// limit: what no translation can beat. Copying the same 16 bytes a lane; or one independent load a lane from the leaf entries
// themselves, whose place is known without any lookup.
#include <cstring>

#include "machine.h"

using namespace compare;

// The same bytes in and out, and nothing else.
EXPORT uint64_t limit_copy(const uint64_t* linear, uint64_t* physical, uint64_t count) {
    std::memcpy(physical, linear, count * sizeof(uint64_t));
    __asm__ volatile("" : : "r"(physical) : "memory");
    return count;
}

// `leaves` holds the entries of consecutive pages of 2^shift bytes, from linear address `first` on. Returns the sum of the entries.
EXPORT uint64_t limit_loads(const uint64_t* leaves, uint64_t first, uint32_t shift, const uint64_t* linear, uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) sum += leaves[(linear[i] - first) >> shift];
    return sum;
}
