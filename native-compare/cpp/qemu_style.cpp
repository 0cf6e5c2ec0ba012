// cpp-qemu-style: a direct-mapped table of tag and addend, as QEMU's softmmu keeps it, refilled by a plain walk.
// A tag for each kind of access, so that one compare decides presence and permission; large pages enter in pieces of 4 KiB.
// Each lookup reads mask and table from the processor's state, as the code does that QEMU generates for one guest access.
#include <memory>

#include "machine.h"

using namespace compare;

namespace {

constexpr uint64_t Entries = 8192;
constexpr uint64_t NoPage = ~0ull;  // bits 11:0 are set, so no page address equals it

struct Entry {
    uint64_t read = NoPage;
    uint64_t write = NoPage;
    uint64_t fetch = NoPage;
    uint64_t addend = 0;
};

struct SoftTlb {
    Machine machine;
    volatile uint64_t mask = (Entries - 1) * sizeof(Entry);
    char* volatile table = reinterpret_cast<char*>(entries);
    alignas(64) Entry entries[Entries];

    explicit SoftTlb(const Machine& m) : machine(m) {}
    SoftTlb(const SoftTlb&) = delete;

    Entry& entry_of(uint64_t linear) { return *reinterpret_cast<Entry*>(table + (linear >> (12 - 5) & mask)); }

    __attribute__((noinline)) uint64_t refill(uint64_t linear) {
        Leaf leaf;
        if (!walk(machine, linear, leaf)) return Faulted;
        uint64_t physical = leaf.base | (linear & ((1ull << leaf.shift) - 1));
        uint64_t page = linear & ~PageOffset;
        Entry& entry = entry_of(linear);
        entry.read = page;
        // A bit below the page makes every write miss while the page is read-only or not yet dirty.
        entry.write = page | (~leaf.rights & (Write | Dirty));
        entry.fetch = page;
        entry.addend = physical - linear;
        return physical;
    }
};

static_assert(sizeof(Entry) == 1 << 5);

}  // namespace

EXPORT void* qemu_style_create(const Machine* machine) {
    return new SoftTlb(*machine);
}

EXPORT void qemu_style_destroy(void* side) {
    delete static_cast<SoftTlb*>(side);
}

EXPORT uint64_t qemu_style_translate(void* side, const uint64_t* linear, uint64_t* physical, uint64_t count) {
    auto& tlb = *static_cast<SoftTlb*>(side);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t address = linear[i];
        const Entry& entry = tlb.entry_of(address);
        physical[i] = __builtin_expect(entry.read == (address & ~PageOffset), 1) ? address + entry.addend : tlb.refill(address);
    }
    return count;
}
