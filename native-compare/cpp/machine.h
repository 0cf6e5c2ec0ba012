// What every C++ side shares: guest memory as the .NET process owns it, and one plain walk of four-level tables.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(_WIN32)
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace compare {

// Guest-physical address p lies at memory[p]. Same layout as NativeMachine in the .NET part.
struct Machine {
    uint8_t* memory;
    uint64_t bytes;
    uint64_t root;  // physical address of the PML4
};

constexpr uint64_t Present = 1 << 0;
constexpr uint64_t Write = 1 << 1;
constexpr uint64_t User = 1 << 2;
constexpr uint64_t Accessed = 1 << 5;
constexpr uint64_t Dirty = 1 << 6;
constexpr uint64_t PageSizeBit = 1 << 7;
constexpr uint64_t Frame = 0x000f'ffff'ffff'f000;
constexpr uint64_t PageOffset = 0xfff;

// What a faulted lane holds.
constexpr uint64_t Faulted = ~0ull;

inline bool is_canonical(uint64_t linear) {
    return linear + (1ull << 47) < 1ull << 48;
}

struct Leaf {
    uint64_t base;   // physical address of the page
    uint64_t table;  // physical address of the page table; 0 for a large page
    uint64_t rights; // Present, Write and User along the whole path, and the leaf's Dirty
    int shift;       // base-two logarithm of the page's size
};

// The entry at `table` for the linear bits from `shift` on; its accessed bit is set where it was not, as the processor does.
template <int Shift>
inline uint64_t read_entry(const Machine& machine, uint64_t table, uint64_t linear) {
    auto* entry = reinterpret_cast<uint64_t*>(machine.memory + table + (linear >> (Shift - 3) & 0xff8));
    uint64_t raw = __atomic_load_n(entry, __ATOMIC_RELAXED);
    if (__builtin_expect((raw & (Present | Accessed)) == Present, 0)) return __atomic_or_fetch(entry, Accessed, __ATOMIC_RELAXED);
    return raw;
}

template <int Shift>
inline bool found(uint64_t raw, uint64_t table, uint64_t rights, Leaf& leaf) {
    leaf = {raw & Frame & ~((1ull << Shift) - 1), table, rights | (raw & Dirty), Shift};
    return true;
}

// A read, the user's unless `reachable` says otherwise: false if it faults.
template <uint64_t reachable = Present | User>
inline bool walk(const Machine& machine, uint64_t linear, Leaf& leaf) {
    if (!is_canonical(linear)) return false;
    uint64_t pml4e = read_entry<39>(machine, machine.root, linear);
    if ((pml4e & reachable) != reachable) return false;
    uint64_t pdpte = read_entry<30>(machine, pml4e & Frame, linear);
    if ((pdpte & reachable) != reachable) return false;
    uint64_t rights = pml4e & pdpte & (Present | Write | User);
    if (pdpte & PageSizeBit) return found<30>(pdpte, 0, rights, leaf);
    uint64_t pde = read_entry<21>(machine, pdpte & Frame, linear);
    if ((pde & reachable) != reachable) return false;
    rights &= pde;
    if (pde & PageSizeBit) return found<21>(pde, 0, rights, leaf);
    uint64_t pte = read_entry<12>(machine, pde & Frame, linear);
    if ((pte & reachable) != reachable) return false;
    return found<12>(pte, pde & Frame, rights & pte, leaf);
}

}  // namespace compare
