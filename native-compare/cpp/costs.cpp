// What processors with a softmmu table pay for events that change what translates: QEMU's rules of what must be flushed, on a table of
// the size that QEMU's own resizing settles at for so few pages. Without PCIDs: every MOV to CR3 flushes, as does WRPKRU, and an INVLPG
// inside a region that has a large page. SMAP's two states have a table each, so that toggling AC is the choice of another one.
#include <cstring>

#include "machine.h"

using namespace compare;

namespace {

constexpr uint64_t Entries = 256;
constexpr uint64_t NoPage = ~0ull;

struct Entry {
    uint64_t read;
    uint64_t write;
    uint64_t fetch;
    uint64_t addend;
};

struct Table {
    alignas(64) Entry entries[Entries];
    uint64_t large_start;
    uint64_t large_mask;  // 0: no large page was entered

    void flush() {
        std::memset(entries, 0xff, sizeof(entries));
        large_mask = 0;
        large_start = NoPage;
    }
};

// Same layout as CostSetup in the .NET part.
struct Setup {
    uint64_t roots[2];
    uint64_t pages;       // first of the small pages: the user's
    uint64_t supervisor;  // first of the supervisor's pages
    uint64_t large;       // a page of 2 MiB
    uint64_t entry;       // physical address of the entry of the page that comes and goes
    uint64_t value;       // that entry while the page is there
    uint64_t comes_and_goes;
};

struct Processor {
    Machine machine;
    Table tables[2];  // with SMAP in force, and with AC set
    Table* volatile table = &tables[0];
    uint32_t pkru = 0;

    explicit Processor(const Machine& m) : machine(m) { flush(); }

    void flush() {
        for (Table& t : tables) t.flush();
    }

    __attribute__((noinline)) uint64_t refill(Table& t, uint64_t linear) {
        Leaf leaf;
        if (!walk<Present>(machine, linear, leaf)) return Faulted;
        uint64_t page = linear & ~PageOffset;
        uint64_t physical = leaf.base | (linear & ((1ull << leaf.shift) - 1));
        if (leaf.shift != 12) {
            t.large_mask = ~((1ull << leaf.shift) - 1);
            t.large_start = linear & t.large_mask;
        }
        t.entries[linear >> 12 & (Entries - 1)] = {page, page, page, physical - linear};
        return physical;
    }

    uint64_t translate(uint64_t linear) {
        Table& t = *table;
        const Entry& entry = t.entries[linear >> 12 & (Entries - 1)];
        return __builtin_expect(entry.read == (linear & ~PageOffset), 1) ? linear + entry.addend : refill(t, linear);
    }

    void write_cr3(uint64_t root) {
        machine.root = root;
        flush();
    }

    void write_pkru(uint32_t value) {
        if (pkru != value) flush();
        pkru = value;
    }

    void invlpg(uint64_t linear) {
        for (Table& t : tables) {
            if (t.large_mask != 0 && (linear & t.large_mask) == t.large_start) {
                t.flush();
                continue;
            }
            Entry& entry = t.entries[linear >> 12 & (Entries - 1)];
            if (entry.read == (linear & ~PageOffset)) entry.read = entry.write = entry.fetch = NoPage;
        }
    }
};

constexpr uint64_t Pages = 64;
constexpr uint64_t Run = 16;

}  // namespace

EXPORT void* costs_create(const Machine* machine) {
    return new Processor(*machine);
}

EXPORT void costs_destroy(void* side) {
    delete static_cast<Processor*>(side);
}

EXPORT uint64_t costs_run(void* side, const Setup* setup, uint32_t event, uint64_t count) {
    auto& processor = *static_cast<Processor*>(side);
    uint64_t sum = 0;
    processor.write_cr3(setup->roots[0]);
    for (uint64_t i = 0; i < count; i++) {
        switch (event) {
        case 0:  // pcid-switch
            processor.write_cr3(setup->roots[i & 1]);
            for (uint64_t page = 0; page < Pages; page++) sum += processor.translate(setup->pages + (page << 12));
            break;
        case 1:  // invlpg-2m
            processor.invlpg(setup->large + ((i * 17 & 511) << 12));
            for (uint64_t page = 0; page < Pages; page++) sum += processor.translate(setup->pages + (page << 12));
            sum += processor.translate(setup->large + ((i * 17 & 511) << 12));
            break;
        case 2:  // wrpkru16
            processor.write_pkru((i & 1) << 2);
            for (uint64_t page = 0; page < Run; page++) sum += processor.translate(setup->pages + (page << 12));
            break;
        case 3:  // ac16
            processor.table = &processor.tables[i & 1];
            for (uint64_t page = 0; page < Run; page++) sum += processor.translate((i & 1 ? setup->pages : setup->supervisor) + (page << 12));
            break;
        default:  // map-unmap
            *reinterpret_cast<volatile uint64_t*>(processor.machine.memory + setup->entry) = setup->value;
            sum += processor.translate(setup->comes_and_goes);
            *reinterpret_cast<volatile uint64_t*>(processor.machine.memory + setup->entry) = 0;
            processor.invlpg(setup->comes_and_goes);
            break;
        }
    }
    processor.table = &processor.tables[0];
    return sum;
}
