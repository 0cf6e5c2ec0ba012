// cpp-walk: a plain walk of four levels for each address, nothing cached.
#include "machine.h"

using namespace compare;

EXPORT void* walk_create(const Machine* machine) {
    return new Machine(*machine);
}

EXPORT void walk_destroy(void* side) {
    delete static_cast<Machine*>(side);
}

EXPORT uint64_t walk_translate(void* side, const uint64_t* linear, uint64_t* physical, uint64_t count) {
    const Machine machine = *static_cast<Machine*>(side);
    for (uint64_t i = 0; i < count; i++) {
        Leaf leaf;
        physical[i] = walk(machine, linear[i], leaf) ? leaf.base | (linear[i] & ((1ull << leaf.shift) - 1)) : Faulted;
    }
    return count;
}
