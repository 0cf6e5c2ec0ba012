using System.Numerics;
using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Batch;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <content>Batches: groups of addresses are probed by the vectors of the MMU's batches, in the same packed table. What they miss is done as a single access.</content>
public sealed unsafe partial class SoftTlb
{
    private const int Group = IBatchKernel.Group;

    // As in an MMU: what a group without a miss earns back of the budget of misses, and how many groups are done one by one when it is used up, before vectors are tried again.
    private const int HitCredit = Group / 2;
    private const int GroupsOneByOne = 1 << 16;

    private readonly int _mostMisses = FastTable.Slots;
    private int _probeBudget = FastTable.Slots;
    private int _groupsOneByOne;

    /// <summary>The reading of the batch algorithm. The scalar one is that of single accesses, which is faster than one of the packed table.</summary>
    internal BatchKernel Kernel { get; init; } = BatchKernels.Default;

    /// <summary>How many lanes of batches may miss the packed table before batches leave it alone. Tests take fewer.</summary>
    internal int ProbeBudget
    {
        get => _mostMisses;
        init => _probeBudget = _mostMisses = value;
    }

    /// <summary>Translates many addresses.</summary>
    /// <param name="linear">The addresses.</param>
    /// <param name="physical">
    /// Receives a physical address for each, or <see cref="BatchResult.FaultedLane"/>. Same length as <paramref name="linear"/>; the same memory, or memory that does not overlap.
    /// </param>
    /// <param name="access">What the accesses do.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <returns>How many were translated and refused.</returns>
    /// <remarks>
    /// <para>The lanes are independent accesses in no particular order: what the translator makes the table forget while it is asked for one may be the answer of another of the same
    /// batch already. It is asked as by single accesses, in the order of the lanes that nothing is known of, and what it says serves both.</para>
    /// <para>Sixteen at a time where bits 63:48 of the addresses are all the same; others, which only few architectures have, are looked up one by one.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">The spans differ in length or overlap partly; nothing was written.</exception>
    /// <exception cref="InvalidOperationException">An answer of the translator is no page.</exception>
    /// <example><code>
    /// ulong[] linear = { 0x10, 0x1_0010, 0x2010 };
    /// ulong[] physicals = new ulong[3];
    /// Console.WriteLine(tlb.TranslateBatch(linear, physicals, Access.Read, Privilege.User));      // BatchResult { Translated = 2, Faulted = 1, FirstFault = 1 }
    /// Console.WriteLine(physicals[2].ToString("x"));          // 102010
    /// </code></example>
    public BatchResult TranslateBatch(ReadOnlySpan<ulong> linear, Span<ulong> physical, Access access, Privilege privilege)
    {
        if (linear.Length != physical.Length) throw new ArgumentException("The spans differ in length.", nameof(physical));
        if (linear.Overlaps(physical, out int distance) && distance != 0) throw new ArgumentException("The spans overlap partly.", nameof(physical));
        fixed (ulong* source = linear)
        {
            fixed (ulong* destination = physical)
            {
                return Kernel switch
                {
                    BatchKernel.Avx512 => TranslateGroups<Avx512Kernel>(source, destination, linear.Length, access, privilege),
                    BatchKernel.Avx2 => TranslateGroups<Avx2Kernel>(source, destination, linear.Length, access, privilege),
                    _ => TranslateOneByOne(source, destination, linear.Length, access, privilege),
                };
            }
        }
    }

    private BatchResult TranslateOneByOne(ulong* linear, ulong* physical, int length, Access access, Privilege privilege)
    {
        var refused = new RefusedLanes();
        TranslateOneByOne(linear, physical, 0, length, access, privilege, ref refused);
        return new(length - refused.Count, refused.Count, refused.First);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private BatchResult TranslateGroups<TKernel>(ulong* linear, ulong* physical, int length, Access access, Privilege privilege)
        where TKernel : struct, IBatchKernel
    {
        int row = PermissionTable.RowOf(access, privilege), groups = length / Group;
        var refused = new RefusedLanes();
        for (int group = 0; group < groups;)
        {
            if (_groupsOneByOne == 0)
            {
                group = ProbeGroups<TKernel>(linear, physical, group, groups, access, privilege, row, ref refused);
            }
            else
            {
                int end = (int)Math.Min(groups, (long)group + _groupsOneByOne);
                TranslateOneByOne(linear, physical, group * Group, end * Group, access, privilege, ref refused);
                _groupsOneByOne -= end - group;
                group = end;
            }
        }

        TranslateOneByOne(linear, physical, groups * Group, length, access, privilege, ref refused);
        return new(length - refused.Count, refused.Count, refused.First);
    }

    // Probes until the end, or until misses have used up the budget.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int ProbeGroups<TKernel>(ulong* linear, ulong* physical, int group, int groups, Access access, Privilege privilege, int row, ref RefusedLanes refused)
        where TKernel : struct, IBatchKernel
    {
        while (true)
        {
            // Read anew after each group that missed: filling, and whatever else the translator does, may have changed them.
            var probe = new ProbeState((ulong*)_view->PackedRows[row], _view->PackedKey, _view->SignBias, _view->SignMask);
            int lane = group * Group;
            int hits = TKernel.ProbeGroups(linear + lane, physical + lane, groups - group, in probe, out uint missed);
            group += hits;
            _probeBudget = (int)Math.Min(ProbeBudget, _probeBudget + ((long)hits * HitCredit)) - BitOperations.PopCount(missed);
            if (group == groups) return group;
            for (; missed != 0; missed &= missed - 1)
            {
                lane = (group * Group) + BitOperations.TrailingZeroCount(missed);
                if (!TryTranslateLane(physical[lane], access, privilege, row, out physical[lane])) refused.Add(lane);
            }

            group++;
            if (_probeBudget > 0) continue;
            _probeBudget = ProbeBudget;
            _groupsOneByOne = GroupsOneByOne;
            return group;
        }
    }

    // By the table of single accesses alone: without vectors, for what is left of a batch, and where entries are not used again soon enough to be worth their filling.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TranslateOneByOne(ulong* linear, ulong* physical, int lane, int end, Access access, Privilege privilege, ref RefusedLanes refused)
    {
        int row = PermissionTable.RowOf(access, privilege);
        for (; lane < end; lane++)
        {
            if (_view->TryFind(linear[lane], 1, row, out ulong found) || TryTranslateSlowly(linear[lane], access, privilege, out found))
            {
                physical[lane] = found;
                continue;
            }

            physical[lane] = BatchResult.FaultedLane;
            refused.Add(lane);
        }
    }

    // One lane that the vectors did not answer. What single accesses have asked for already, the translator is not asked for again.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryTranslateLane(ulong linear, Access access, Privilege privilege, int row, out ulong physical)
    {
        if (_view->TryFind(linear, 1, row, out physical))
        {
            if (!IsPackable(linear)) return true;
            _fast.InsertPacked(row, linear, physical, FastTable.Attributes((byte*)_view->Rows[row], FastTable.SlotOf(linear)));
            if (_memory.IsDisposed) ForgetMemory();
            return true;
        }

        if (TryTranslateSlowly(linear, access, privilege, out physical, packed: true)) return true;
        physical = BatchResult.FaultedLane;
        return false;
    }

    // Whether vectors can tell an address from all others.
    private bool IsPackable(ulong linear) => ((linear + _view->SignBias) & _view->SignMask) == 0;

    // Lanes come here in their order.
    private struct RefusedLanes
    {
        internal int Count;
        internal int First = -1;

        public RefusedLanes()
        {
        }

        internal void Add(int lane)
        {
            if (Count++ == 0) First = lane;
        }
    }
}
