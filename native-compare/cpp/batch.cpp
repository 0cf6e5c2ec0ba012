// cpp-batch: the best batch in C++ that we could find, for processors with AVX-512; the same algorithm one lane at a time elsewhere.
//
// Sixteen lanes at a time, by the first of three ways that fits:
//   run    all sixteen lie in the page of the lane before them: one compare.
//   probe  a direct-mapped table of packed entries, one 8-byte load a lane, one compare for all tags.
//   walk   where pages do not repeat soon enough for the probe: a cache of page-table bases indexed by linear bits 21 and up, and the
//          leaf entries themselves, prefetched one group ahead.
// A packed entry answers a user's read; everything else about a lane makes the compare fail and goes to the plain walk.
//
//   packed entry    63        52 51           12 11         0
//                  +------------+---------------+------------+
//                  | VA 35:24   | frame         | VA 47:36   |      index: VA 24:12
//                  +------------+---------------+------------+
//   Rotating a linear address left by 28 brings its bits 47:24 to the places of the tag.
//
//   table entry     63        52 51           12 11    2 1 0
//                  +------------+---------------+--------+-+-+
//                  | VA 47:36   | table or page |   0    |E|L|      index: VA 35:21; E: empty; L: a page of 2 MiB, not a table
//                  +------------+---------------+--------+-+-+
#include <cstdlib>
#include <cstring>
#include <new>

#include "machine.h"

#if defined(__BMI__) || defined(__AVX512F__)
#include <immintrin.h>
#endif
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define VECTORS 1
#endif

using namespace compare;

namespace {

constexpr int EntryBits = 13;
constexpr int TableBits = 15;
constexpr int Group = 16;
constexpr uint64_t TagMask = 0xfff0'0000'0000'0fff;
constexpr uint64_t TableTagMask = 0xfff0'0000'0000'0000;
constexpr uint64_t LargePage = 1 << 0;
constexpr uint64_t Empty = 1 << 1;
constexpr uint64_t LargeOffset = (1 << 21) - 1;
constexpr uint64_t LeafBits = Present | User | Accessed;

// Misses that the probe may cost before the walk takes over, and how many groups the walk then has before the probe may try again.
// A group without a miss earns some of the budget back.
constexpr int ProbeBudget = 1 << EntryBits;
constexpr int HitCredit = Group / 2;
constexpr uint64_t WalkGroups = 1 << 16;

// `Bits` bits of a value from bit `Shift` on.
template <int Shift, int Bits>
inline uint64_t bits_of(const uint64_t& value) {
#ifdef __BMI__
    return _bextr_u64(value, Shift, Bits);  // with the load, one instruction less a lane than shift and mask
#else
    return value >> Shift & ((1 << Bits) - 1);
#endif
}

inline uint64_t rotate_left(uint64_t value, int by) {
    return value << by | value >> (64 - by);
}

struct BatchTlb {
    Machine machine;
    int budget = ProbeBudget;
    uint64_t walks_left = 0;
    alignas(64) uint64_t entries[1 << EntryBits];
    alignas(64) uint64_t tables[1 << TableBits];

    explicit BatchTlb(const Machine& m) : machine(m) {
        // An entry that no address of its own slot matches: bit 12 of the slot is bit 24 of the address, which is part of the tag.
        for (uint64_t i = 0; i < 1 << EntryBits; i++) entries[i] = (~i >> 12 & 1) << 52;
        for (uint64_t& entry : tables) entry = Empty;
    }

    uint64_t& table_of(uint64_t linear) { return tables[bits_of<21, TableBits>(linear)]; }

    // The plain walk; what it found goes into the table of tables.
    __attribute__((noinline)) uint64_t walk_and_remember(uint64_t linear) {
        Leaf leaf;
        if (!walk(machine, linear, leaf)) return Faulted;
        uint64_t physical = leaf.base | (linear & ((1ull << leaf.shift) - 1));
        uint64_t tag = linear << 16 & TableTagMask;
        table_of(linear) = leaf.shift == 12 ? tag | leaf.table : tag | (physical & Frame & ~LargeOffset) | LargePage;
        return physical;
    }

    // One lane from the cached tables where that is possible.
    uint64_t walk_one(uint64_t linear) {
        uint64_t table = table_of(linear);
        if ((((linear << 16 & TableTagMask) ^ table) & (TableTagMask | Empty | LargePage)) == 0 && is_canonical(linear)) {
            uint64_t leaf = *reinterpret_cast<uint64_t*>(machine.memory + (table & Frame) + (linear >> 9 & 0xff8));
            if ((leaf & LeafBits) == LeafBits) return (leaf & Frame) | (linear & PageOffset);
            if (!(leaf & Present)) return Faulted;
        }
        return walk_and_remember(linear);
    }

    bool hit(uint64_t linear, uint64_t& physical) const {
        uint64_t difference = (rotate_left(linear, 28) & TagMask) ^ entries[bits_of<12, EntryBits>(linear)];
        physical = difference | (linear & PageOffset);
        return (difference & TagMask) == 0 && is_canonical(linear);
    }

    uint64_t probe_one(uint64_t linear) {
        uint64_t physical;
        if (hit(linear, physical)) return physical;
        budget--;
        physical = walk_one(linear);
        if (physical != Faulted) entries[bits_of<12, EntryBits>(linear)] = (rotate_left(linear, 28) & TagMask) | (physical & Frame);
        return physical;
    }

#ifdef VECTORS
    // Eight entries of a table, each at the index that `bits` bits of the lane from `shift` on give. Scalar loads: on Zen 4 they beat a gather.
    template <int Shift, int Bits>
    static __m512i load8(const uint64_t* table, const uint64_t* linear) {
        auto pair = [&](int lane) {
            __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(table + bits_of<Shift, Bits>(linear[lane])));
            return _mm_castpd_si128(_mm_loadh_pd(_mm_castsi128_pd(low), reinterpret_cast<const double*>(table + bits_of<Shift, Bits>(linear[lane + 1]))));
        };
        __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(pair(0)), pair(2), 1);
        __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(pair(4)), pair(6), 1);
        return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }

    static __m512i load8(uint64_t* const* at) {
        auto pair = [&](int lane) {
            __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at[lane]));
            return _mm_castpd_si128(_mm_loadh_pd(_mm_castsi128_pd(low), reinterpret_cast<const double*>(at[lane + 1])));
        };
        __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(pair(0)), pair(2), 1);
        __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(pair(4)), pair(6), 1);
        return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }

    // Addresses out of the vector, not out of the memory that it was stored to: loads are what the loop waits for.
    static void prefetch8(__m512i at) {
        auto two = [](__m128i pair) {
            _mm_prefetch(reinterpret_cast<const char*>(_mm_cvtsi128_si64(pair)), _MM_HINT_T0);
            _mm_prefetch(reinterpret_cast<const char*>(_mm_extract_epi64(pair, 1)), _MM_HINT_T0);
        };
        two(_mm512_castsi512_si128(at));
        two(_mm256_extracti128_si256(_mm512_castsi512_si256(at), 1));
        __m256i high = _mm512_extracti64x4_epi64(at, 1);
        two(_mm256_castsi256_si128(high));
        two(_mm256_extracti128_si256(high, 1));
    }

    static __mmask8 not_canonical(__m512i linear) {
        return _mm512_test_epi64_mask(_mm512_add_epi64(linear, _mm512_set1_epi64(1ll << 47)), _mm512_set1_epi64(0xffffull << 48));
    }

    // Translates groups until one misses, and returns how many it did. No call in the loop: one would put every constant out of its register.
    uint64_t probe_hits(const uint64_t* linear, uint64_t* physical, uint64_t groups) const {
        const __m512i tag_mask = _mm512_set1_epi64(TagMask);
        const __m512i page = _mm512_set1_epi64(~PageOffset);
        const __m512i offset = _mm512_set1_epi64(PageOffset);
        const __m512i half = _mm512_set1_epi64(1ll << 47);
        const __m512i unused = _mm512_set1_epi64(0xffffull << 48);
        for (uint64_t group = 0; group < groups; group++, linear += Group, physical += Group) {
            __m512i v0 = _mm512_loadu_si512(linear), v1 = _mm512_loadu_si512(linear + 8);
            __m512i run = _mm512_set1_epi64(linear[0]);
            __m512i away = _mm512_ternarylogic_epi64(_mm512_xor_si512(v0, run), v1, run, 0xf6);  // a | (b ^ c)
            if (__builtin_expect(_mm512_test_epi64_mask(away, page) == 0, 0)) {
                uint64_t found;
                if (!hit(linear[0], found)) return group;
                // What turns an address of this page into its physical one.
                __m512i turn = _mm512_set1_epi64(found ^ linear[0]);
                _mm512_storeu_si512(physical, _mm512_xor_si512(v0, turn));
                _mm512_storeu_si512(physical + 8, _mm512_xor_si512(v1, turn));
                continue;
            }

            __m512i e0 = load8<12, EntryBits>(entries, linear), e1 = load8<12, EntryBits>(entries, linear + 8);
            __m512i x0 = _mm512_ternarylogic_epi64(_mm512_rol_epi64(v0, 28), tag_mask, e0, 0x6a);  // (a & b) ^ c
            __m512i x1 = _mm512_ternarylogic_epi64(_mm512_rol_epi64(v1, 28), tag_mask, e1, 0x6a);
            __m512i canonical = _mm512_or_si512(_mm512_add_epi64(v0, half), _mm512_add_epi64(v1, half));
            if (_mm512_test_epi64_mask(_mm512_or_si512(x0, x1), tag_mask) | _mm512_test_epi64_mask(canonical, unused)) return group;
            _mm512_storeu_si512(physical, _mm512_ternarylogic_epi64(x0, v0, offset, 0xf8));  // a | (b & c)
            _mm512_storeu_si512(physical + 8, _mm512_ternarylogic_epi64(x1, v1, offset, 0xf8));
        }
        return groups;
    }

    // A group with a lane that misses, or all lanes of one page that does.
    void probe_misses(const uint64_t* linear, uint64_t* physical) {
        const __m512i tag_mask = _mm512_set1_epi64(TagMask);
        const __m512i offset = _mm512_set1_epi64(PageOffset);
        for (int half = 0; half < Group; half += 8, linear += 8, physical += 8) {
            alignas(64) uint64_t lanes[8];
            __m512i v = _mm512_loadu_si512(linear);
            _mm512_store_si512(lanes, v);
            __m512i x = _mm512_ternarylogic_epi64(_mm512_rol_epi64(v, 28), tag_mask, load8<12, EntryBits>(entries, linear), 0x6a);  // (a & b) ^ c
            uint32_t missed = _mm512_test_epi64_mask(x, tag_mask) | not_canonical(v);
            _mm512_storeu_si512(physical, _mm512_ternarylogic_epi64(x, v, offset, 0xf8));  // a | (b & c)
            for (; missed != 0; missed &= missed - 1) {
                int lane = __builtin_ctz(missed);
                physical[lane] = probe_one(lanes[lane]);
            }
        }
    }

    // Probes until the end, or until misses have used up the budget. Returns how many groups it did.
    uint64_t probe(const uint64_t* linear, uint64_t* physical, uint64_t groups) {
        uint64_t group = 0;
        while (true) {
            uint64_t hits = probe_hits(linear + group * Group, physical + group * Group, groups - group);
            group += hits;
            budget = hits < uint64_t(ProbeBudget - budget) / HitCredit ? budget + int(hits) * HitCredit : ProbeBudget;
            if (group == groups) return group;
            probe_misses(linear + group * Group, physical + group * Group);
            group++;
            if (budget <= 0) {
                walks_left = WalkGroups;
                return group;
            }
        }
    }

    // What a group of the walk leaves for its second half: where the leaf entries lie, and which lanes have one.
    struct Pending {
        alignas(64) uint64_t* leaf[Group];
        uint32_t lanes;
    };

    // A group with a lane whose table is not known, or which lies in a large page. Not inlined, like all that is rare: it would take registers
    // from the loop.
    __attribute__((noinline)) void begin_incomplete(const uint64_t* linear, uint64_t* physical, Pending& pending) {
        pending.lanes = 0;
        for (int lane = 0; lane < Group; lane++) {
            uint64_t address = linear[lane];
            uint64_t table = table_of(address);
            if ((((address << 16 & TableTagMask) ^ table) & (TableTagMask | Empty)) != 0 || !is_canonical(address)) {
                physical[lane] = walk_and_remember(address);
            } else if (table & LargePage) {
                physical[lane] = (table & Frame) | (address & LargeOffset);
            } else {
                pending.leaf[lane] = reinterpret_cast<uint64_t*>(machine.memory + (table & Frame) + (address >> 9 & 0xff8));
                __builtin_prefetch(pending.leaf[lane]);
                pending.lanes |= 1u << lane;
            }
        }
    }

    // The lanes of an incomplete group, of a page not there or not accessed yet.
    __attribute__((noinline)) void end_incomplete(const uint64_t* linear, uint64_t* physical, uint32_t lanes) {
        for (; lanes != 0; lanes &= lanes - 1) {
            int lane = __builtin_ctz(lanes);
            physical[lane] = walk_one(linear[lane]);
        }
    }

    // Walks all groups; the leaf entries of two groups are on their way while the group before them is finished.
    void walk_groups(const uint64_t* linear, uint64_t* physical, uint64_t groups) {
        constexpr uint64_t Ahead = 2, Places = 4;
        // Kept from the compiler, which would otherwise make some of them anew for every group.
        auto constant = [](int64_t value) {
            __m512i vector = _mm512_set1_epi64(value);
            __asm__("" : "+v"(vector));
            return vector;
        };
        const __m512i tag_mask = constant(TableTagMask);
        const __m512i tag_or_empty = constant(TableTagMask | Empty);
        const __m512i frame = constant(Frame);
        const __m512i index = constant(0xff8);
        const __m512i memory = constant(reinterpret_cast<int64_t>(machine.memory));
        const __m512i large_page = constant(LargePage);
        const __m512i large_offset = constant(LargeOffset);
        const __m512i half = constant(1ll << 47);
        const __m512i unused = constant(0xffffull << 48);
        const __m512i bits = constant(LeafBits);
        const __m512i offset = constant(PageOffset);
        const __m512i address = constant(Frame | PageOffset);
        Pending ring[Places];
        uint64_t begun = 0;
        for (uint64_t group = 0; group < groups; group++) {
            for (; begun < groups && begun <= group + Ahead; begun++) {
                const uint64_t* in = linear + begun * Group;
                Pending& pending = ring[begun % Places];
                __m512i v0 = _mm512_loadu_si512(in), v1 = _mm512_loadu_si512(in + 8);
                __m512i t0 = load8<21, TableBits>(tables, in), t1 = load8<21, TableBits>(tables, in + 8);
                __m512i x0 = _mm512_ternarylogic_epi64(_mm512_slli_epi64(v0, 16), tag_mask, t0, 0x6a);  // (a & b) ^ c
                __m512i x1 = _mm512_ternarylogic_epi64(_mm512_slli_epi64(v1, 16), tag_mask, t1, 0x6a);
                __m512i canonical = _mm512_or_si512(_mm512_add_epi64(v0, half), _mm512_add_epi64(v1, half));
                __m512i wrong = _mm512_and_si512(_mm512_or_si512(x0, x1), tag_or_empty);
                wrong = _mm512_ternarylogic_epi64(wrong, canonical, unused, 0xf8);  // a | (b & c)
                __m512i large = _mm512_and_si512(_mm512_or_si512(t0, t1), large_page);
                __m512i b0 = _mm512_and_si512(t0, frame), b1 = _mm512_and_si512(t1, frame);
                __m512i l0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(v0, 9), index, b0, 0xea);  // (a & b) | c
                __m512i l1 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(v1, 9), index, b1, 0xea);
                __m512i rare = _mm512_or_si512(wrong, large);
                if (__builtin_expect(_mm512_test_epi64_mask(rare, rare) != 0, 0)) {
                    __m512i all = _mm512_and_si512(_mm512_and_si512(t0, t1), large_page);
                    if (_mm512_test_epi64_mask(wrong, wrong) != 0 || _mm512_test_epi64_mask(all, large_page) != 0xff) {
                        begin_incomplete(in, physical + begun * Group, pending);
                        continue;
                    }
                    uint64_t* out = physical + begun * Group;
                    _mm512_storeu_si512(out, _mm512_ternarylogic_epi64(b0, v0, large_offset, 0xf8));  // a | (b & c)
                    _mm512_storeu_si512(out + 8, _mm512_ternarylogic_epi64(b1, v1, large_offset, 0xf8));
                    pending.lanes = 0;
                    continue;
                }
                pending.lanes = 0xffff;
                l0 = _mm512_add_epi64(l0, memory);
                l1 = _mm512_add_epi64(l1, memory);
                _mm512_store_si512(pending.leaf, l0);
                _mm512_store_si512(pending.leaf + 8, l1);
                prefetch8(l0);
                prefetch8(l1);
            }

            const Pending& pending = ring[group % Places];
            const uint64_t* in = linear + group * Group;
            uint64_t* out = physical + group * Group;
            if (__builtin_expect(pending.lanes == 0xffff, 1)) {
                __m512i v0 = _mm512_loadu_si512(in), v1 = _mm512_loadu_si512(in + 8);
                __m512i e0 = load8(pending.leaf), e1 = load8(pending.leaf + 8);
                __m512i lacking = _mm512_ternarylogic_epi64(e0, e1, bits, 0x2a);  // ~(a & b) & c
                if (__builtin_expect(_mm512_test_epi64_mask(lacking, lacking) == 0, 1)) {
                    __m512i p0 = _mm512_ternarylogic_epi64(offset, v0, e0, 0xca);  // a ? b : c
                    __m512i p1 = _mm512_ternarylogic_epi64(offset, v1, e1, 0xca);
                    _mm512_storeu_si512(out, _mm512_and_si512(p0, address));
                    _mm512_storeu_si512(out + 8, _mm512_and_si512(p1, address));
                    continue;
                }
            }
            end_incomplete(in, out, pending.lanes);
        }
    }

    uint64_t translate_groups(const uint64_t* linear, uint64_t* physical, uint64_t groups) {
        for (uint64_t group = 0; group < groups;) {
            const uint64_t* in = linear + group * Group;
            uint64_t* out = physical + group * Group;
            if (walks_left == 0) {
                group += probe(in, out, groups - group);
                continue;
            }
            uint64_t count = groups - group < walks_left ? groups - group : walks_left;
            walk_groups(in, out, count);
            group += count;
            walks_left -= count;
            if (walks_left == 0) budget = ProbeBudget;
        }
        return groups * Group;
    }
#else
    uint64_t translate_groups(const uint64_t*, uint64_t*, uint64_t) { return 0; }
#endif
};

}  // namespace

EXPORT void* batch_create(const Machine* machine) {
    return new BatchTlb(*machine);
}

EXPORT void batch_destroy(void* side) {
    delete static_cast<BatchTlb*>(side);
}

EXPORT uint64_t batch_translate(void* side, const uint64_t* linear, uint64_t* physical, uint64_t count) {
    auto& tlb = *static_cast<BatchTlb*>(side);
    uint64_t done = tlb.translate_groups(linear, physical, count / Group);
    for (; done < count; done++) physical[done] = tlb.probe_one(linear[done]);
    return count;
}
