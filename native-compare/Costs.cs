using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;

namespace FastMmu.NativeCompare;

/// <summary>Events that change what translates, and the accesses around them: what others flush their tables for.</summary>
internal sealed unsafe class Costs : IDisposable
{
    private const ulong Pages = 64;
    private const ulong FirstPage = 0x40_0000;
    private const ulong FirstSupervisor = 0x4000_0000;
    private const ulong Large = 0x8000_0000;
    private const ulong ComesAndGoes = 0xc000_0000;

    private readonly PhysicalMemory _memory = PhysicalMemory.Create(64 * ByteSize.MiB);
    private readonly CostSetup _setup;
    private readonly ulong _root;

    public Costs()
    {
        var frames = new BumpFrameAllocator(_memory, new PhysicalRange(32 * ByteSize.MiB, 32 * ByteSize.MiB));
        PageMapper[] spaces = [CreateSpace(frames, 0), CreateSpace(frames, 1)];
        _root = spaces[0].Root.Value;
        spaces[0].Map(ComesAndGoes, 20 * ByteSize.MiB, 4096, new PageAttributes(Rights.UserAll) { Accessed = true, Dirty = true });
        using Mmu mmu = CreateMmu();
        mmu.Probe(ComesAndGoes, Access.Read, Privilege.User, out WalkPath path);
        WalkStep leaf = path[path.Count - 1];
        _setup = new CostSetup
        {
            Root0 = _root,
            Root1 = spaces[1].Root.Value,
            Pages = FirstPage,
            Supervisor = FirstSupervisor,
            Large = Large,
            Entry = leaf.EntryAddress,
            Value = leaf.Raw,
            ComesAndGoes = ComesAndGoes,
        };
    }

    /// <summary>The events, by the names of their workloads.</summary>
    public static IReadOnlyList<string> Names { get; } = ["pcid-switch", "invlpg-2m", "wrpkru16", "ac16", "map-unmap"];

    /// <summary>Measures one kind of event on all sides, after they have agreed.</summary>
    /// <param name="name">The event.</param>
    /// <param name="library">The C++ library, or none.</param>
    /// <param name="quick">Whether fewer rounds will do.</param>
    /// <exception cref="InvalidDataException">The sides disagree.</exception>
    public IReadOnlyList<Result> Run(string name, nint? library, bool quick)
    {
        uint kind = (uint)Names.ToList().IndexOf(name);
        using Mmu mmu = CreateMmu();
        using NativeCosts? native = library is { } loaded ? new NativeCosts(loaded, Machine) : null;
        var sides = new List<(string Name, Func<int, ulong> Run)> { ("fastmmu-scalar", count => RunManaged(mmu, kind, count)) };
        if (native is not null) sides.Add(("cpp-qemu-style", count => native.Run(in _setup, kind, count)));
        if (sides.Select(s => s.Run(1000)).Distinct().Count() != 1) throw new InvalidDataException($"{name}: the sides translate differently; nothing was measured.");

        int rounds = quick ? 7 : 25;
        var times = new double[sides.Count][];
        var counts = new int[sides.Count];
        for (int side = 0; side < sides.Count; side++)
        {
            times[side] = new double[rounds];
            counts[side] = WarmUp(sides[side].Run);
        }

        for (int round = 0; round < rounds; round++)
        {
            for (int side = 0; side < sides.Count; side++) times[side][round] = Time(sides[side].Run, counts[side]);
        }

        return [.. sides.Select((side, i) => Measurement.Summarize(name, side.Name, times[i]))];
    }

    public void Dispose() => _memory.Dispose();

    private NativeMachine Machine => new()
    {
        Memory = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(_memory.Span(0UL, 1))),
        Bytes = _memory.End,
        Root = _root,
    };

    // Two address spaces with the same linear addresses in other frames; supervisor and large pages are the same in both.
    private PageMapper CreateSpace(BumpFrameAllocator frames, ulong number)
    {
        PageMapper space = PageMapper.Create<Paging4Level>(_memory, frames, ProcessorFeatures.Zen4);
        var user = new PageAttributes(Rights.UserAll) { Accessed = true, Dirty = true };
        var supervisor = new PageAttributes(Rights.SupervisorAll) { Accessed = true, Dirty = true };
        space.LargestPage = PageSize.Size4K;
        space.Map(FirstPage, (4 + (4 * number)) * ByteSize.MiB, Pages * 4096, user);
        space.Map(FirstSupervisor, 12 * ByteSize.MiB, Pages * 4096, supervisor);
        space.LargestPage = PageSize.Size2M;
        space.Map(Large, 16 * ByteSize.MiB, 2 * ByteSize.MiB, user);
        return space;
    }

    private Mmu CreateMmu()
    {
        var mmu = new Mmu(_memory, ProcessorFeatures.Zen4);
        mmu.EnablePaging(_root);
        mmu.WriteCr4(mmu.State.Cr4.Value | Cr4.PcideBit | Cr4.PkeBit | Cr4.SmapBit);
        return mmu;
    }

    private ulong RunManaged(Mmu mmu, uint kind, int count)
    {
        const ulong noFlush = 1UL << 63;
        ulong sum = 0;
        mmu.WriteCr3(_setup.Root0 | noFlush);
        for (ulong i = 0; i < (ulong)count; i++)
        {
            switch (kind)
            {
                case 0:
                    mmu.WriteCr3((i & 1) == 0 ? _setup.Root0 | noFlush : _setup.Root1 | 1 | noFlush);
                    sum += Touch(mmu, FirstPage, Pages, Privilege.User);
                    break;
                case 1:
                    ulong inside = Large + ((i * 17 & 511) << 12);
                    mmu.InvalidatePage(inside);
                    sum += Touch(mmu, FirstPage, Pages, Privilege.User);
                    sum += TranslateOne(mmu, inside, Privilege.User);
                    break;
                case 2:
                    mmu.WritePkru((uint)(i & 1) << 2);
                    sum += Touch(mmu, FirstPage, 16, Privilege.User);
                    break;
                case 3:
                    mmu.SetRFlags((i & 1) == 0 ? 0UL : RFlags.AcBit);
                    sum += Touch(mmu, (i & 1) == 0 ? FirstSupervisor : FirstPage, 16, Privilege.Supervisor);
                    break;
                default:
                    _memory.Write(_setup.Entry, _setup.Value);
                    sum += TranslateOne(mmu, ComesAndGoes, Privilege.User);
                    _memory.Write(_setup.Entry, 0UL);
                    mmu.InvalidatePage(ComesAndGoes);
                    break;
            }
        }

        mmu.SetRFlags(0);
        return sum;
    }

    private static ulong Touch(Mmu mmu, ulong first, ulong pages, Privilege privilege)
    {
        ulong sum = 0;
        for (ulong page = 0; page < pages; page++) sum += TranslateOne(mmu, first + (page << 12), privilege);
        return sum;
    }

    private static ulong TranslateOne(Mmu mmu, ulong linear, Privilege privilege) =>
        mmu.TryTranslate(linear, Access.Read, privilege, out PhysicalAddress found) ? found.Value : Side.Faulted;

    // Long enough for the runtime to have compiled what is hot; then as many events as take some milliseconds.
    private static int WarmUp(Func<int, ulong> run)
    {
        long start = Stopwatch.GetTimestamp();
        int runs = 0;
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < 300 || runs < 40)
        {
            run(200);
            runs++;
        }

        return Math.Clamp((int)(3e6 / Time(run, 1000)), 100, 1_000_000);
    }

    private static double Time(Func<int, ulong> run, int count)
    {
        long start = Stopwatch.GetTimestamp();
        run(count);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
    }

    private sealed class NativeCosts : IDisposable
    {
        private readonly delegate* unmanaged[Cdecl]<void*, CostSetup*, uint, ulong, ulong> _run;
        private readonly delegate* unmanaged[Cdecl]<void*, void> _destroy;
        private void* _side;

        public NativeCosts(nint library, NativeMachine machine)
        {
            var create = (delegate* unmanaged[Cdecl]<NativeMachine*, void*>)NativeLibrary.GetExport(library, "costs_create");
            _run = (delegate* unmanaged[Cdecl]<void*, CostSetup*, uint, ulong, ulong>)NativeLibrary.GetExport(library, "costs_run");
            _destroy = (delegate* unmanaged[Cdecl]<void*, void>)NativeLibrary.GetExport(library, "costs_destroy");
            _side = create(&machine);
        }

        public ulong Run(in CostSetup setup, uint kind, int count)
        {
            fixed (CostSetup* at = &setup) return _run(_side, at, kind, (ulong)count);
        }

        public void Dispose()
        {
            if (_side != null) _destroy(_side);
            _side = null;
        }
    }
}
