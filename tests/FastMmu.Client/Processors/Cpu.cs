using System.Runtime.InteropServices;
using FastMmu.Addresses;
using FastMmu.Linux.Mm;
using FastMmu.Linux.Pages;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu.Client.Processors;

/// <summary>
/// Unicorn as a processor whose memory is an <see cref="AddressSpace"/>. Its map is nothing but a cache of translations: it starts empty,
/// each page comes in through a fault, with no more rights than the access asked for, and goes when the address space says that it changed.
/// </summary>
/// <remarks>
/// Nothing changes while Unicorn executes: a hook notes the access that it refuses, and when Unicorn has returned the fault is resolved and
/// the instruction begun again, as a processor would. Mapping a page in the hook itself and going on, as Unicorn would allow, lets 2.0.1
/// write through a translation that the mapping has just dropped. The time for a mapping grows with the number of mappings, and above 4,096
/// Unicorn ends the process. So only so many pages stay, and more only where those that had to go keep coming back.
/// </remarks>
internal sealed unsafe partial class Cpu : IMmuNotifier, IDisposable
{
    private const int FewestPages = 384;
    private const int MostPages = 3072;
    private const ulong PageBytes = 4096;
    private readonly Unicorn _unicorn;
    private readonly AddressSpace _mm;
    private readonly Mmu _mmu;
    private readonly CpuCounters _counters;
    private readonly Dictionary<ulong, Installed> _pages = [];
    private readonly Queue<ulong> _order = new();
    private readonly HashSet<ulong> _evicted = [];
    private readonly GCHandle _self;
    private nint _engine;
    private int _capacity = FewestPages;
    private int _returned;

    /// <summary>A processor that works in an address space.</summary>
    public Cpu(Unicorn unicorn, AddressSpace mm, CpuCounters counters)
    {
        _unicorn = unicorn;
        _mm = mm;
        _counters = counters;
        _engine = unicorn.Open();
        _self = GCHandle.Alloc(this);
        _mmu = new Mmu(mm.Machine.Memory, ProcessorFeatures.Zen4);
        mm.Attach(_mmu);
        mm.Register(this);
        AddHooks();
    }

    /// <summary>The processor's memory-management unit, which the system calls read and write the program's memory through.</summary>
    public Mmu Mmu => _mmu;

    /// <summary>The signal of the last exit.</summary>
    public FaultOutcome Signal { get; private set; }

    /// <summary>A register.</summary>
    public ulong this[int register]
    {
        get => _unicorn.Read(_engine, register);
        set => _unicorn.Write(_engine, register, value);
    }

    public UInt128 ReadVector(int number) => _unicorn.ReadVector(_engine, Register.Xmm0 + number);

    public void WriteVector(int number, UInt128 value) => _unicorn.WriteVector(_engine, Register.Xmm0 + number, value);

    /// <summary>Executes until the program wants something, or has done something that it must not.</summary>
    public CpuExit Run()
    {
        while (true)
        {
            _stop = StopReason.None;
            int error = _unicorn.Start(_engine, this[Register.Rip]);
            switch (_stop)
            {
                case StopReason.SystemCall:
                    return CpuExit.SystemCall;
                case StopReason.Signal:
                    return CpuExit.Signal;
                case StopReason.Fault when Resolve(_faultKind, _faultAddress):
                    MakeRoom();
                    break;
                case StopReason.Fault:
                    return CpuExit.Signal;
                default:
                    // Left without being asked: what is no instruction, or HLT, which user mode must not.
                    const int InvalidInstruction = 10;
                    Signal = error == InvalidInstruction
                        ? new FaultOutcome(IllegalInstruction, 2, this[Register.Rip])
                        : new FaultOutcome(FaultOutcome.Segv, FaultOutcome.Kernel, 0);
                    return CpuExit.Signal;
            }
        }
    }

    /// <inheritdoc/>
    public void Invalidate(ulong start, ulong end)
    {
        _counters.Invalidations++;
        if ((end - start) / PageBytes <= (ulong)_pages.Count)
        {
            for (ulong page = start; page < end; page += PageBytes)
            {
                InvalidatePage(page);
            }

            return;
        }

        foreach (ulong page in _pages.Keys.Where(page => page >= start && page < end).ToArray())
        {
            InvalidatePage(page);
        }
    }

    /// <summary>The code of a page may have been written by somebody else than this processor.</summary>
    public void ForgetCode(ulong page)
    {
        if (_pages.TryGetValue(page, out Installed installed) && (installed.Rights & Rights.Execute) != 0)
        {
            _unicorn.ForgetCode(_engine, page, page + PageBytes);
        }
    }

    /// <summary>
    /// Compares Unicorn's map with what was given to it, and every page of it with the page tables: same frame, no right that they do not
    /// give, no right to write before the page is dirty.
    /// </summary>
    /// <exception cref="InvalidOperationException">They differ.</exception>
    public void Audit()
    {
        _counters.Audits++;
        _counters.PagesAudited += _pages.Count;
        List<Unicorn.Region> regions = _unicorn.Regions(_engine);
        if (regions.Count != _pages.Count)
        {
            throw new InvalidOperationException($"Unicorn has {regions.Count} pages, {_pages.Count} were given to it.");
        }

        foreach (Unicorn.Region region in regions)
        {
            if (!_pages.TryGetValue(region.Start, out Installed page) || region.Last != region.Start + PageBytes - 1 || region.Rights != UnicornRights(page.Rights))
            {
                throw new InvalidOperationException($"Unicorn has {region.Start:x}-{region.Last:x} with rights {region.Rights}, which was not given to it.");
            }

            Translation now = _mmu.Probe(region.Start, Access.Read, Privilege.User);
            if (!now.Ok || now.Physical != page.Frame || (page.Rights & ~now.Rights) != 0
                || ((page.Rights & Rights.Write) != 0 && !_mm.Tables.Peek(region.Start).IsDirty))
            {
                throw new InvalidOperationException($"Unicorn has {region.Start:x} as {page.Rights} of {page.Frame}; the tables say {now}.");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_engine == 0)
        {
            return;
        }

        _mm.Unregister(this);
        _mm.Detach(_mmu);
        _mmu.Dispose();
        _unicorn.Close(_engine);
        _engine = 0;
        _self.Free();
    }

    private static uint UnicornRights(Rights rights) =>
        1 | ((rights & Rights.Write) != 0 ? 2U : 0) | ((rights & Rights.Execute) != 0 ? 4U : 0);

    private void InvalidatePage(ulong page)
    {
        if (Remove(page))
        {
            _counters.PagesInvalidated++;
        }
    }

    private void Install(ulong page, PhysicalAddress frame, Rights rights)
    {
        Remove(page);
        fixed (byte* host = _mm.Machine.Memory.Span(frame, (int)PageBytes))
        {
            // Guest memory is native and does not move.
            _unicorn.Map(_engine, page, PageBytes, UnicornRights(rights), host);
        }

        _pages[page] = new Installed(frame, rights);
        _order.Enqueue(page);
        _returned += _evicted.Remove(page) ? 1 : 0;
        _counters.PagesMapped++;
    }

    private bool Remove(ulong page)
    {
        if (!_pages.Remove(page, out Installed installed))
        {
            return false;
        }

        if ((installed.Rights & Rights.Execute) != 0)
        {
            // Translated code outlives the mapping otherwise, and would run again whatever comes to the same address.
            _unicorn.ForgetCode(_engine, page, page + PageBytes);
        }

        _unicorn.Unmap(_engine, page, PageBytes);
        return true;
    }

    // A fault: the MMU translates, the kernel resolves, Unicorn gets the page.
    private bool Resolve(int kind, ulong address)
    {
        Access access = kind switch
        {
            WriteUnmapped or WriteRefused => Access.Write,
            FetchUnmapped or FetchRefused => Access.Execute,
            _ => Access.Read,
        };
        ulong page = address & ~(PageBytes - 1);
        bool had = _pages.TryGetValue(page, out Installed before);
        if (had != (kind >= WriteRefused))
        {
            throw new InvalidOperationException($"Unicorn refuses the access to {address:x} as {kind} and has {before}.");
        }

        if (!_mm.TryTranslate(_mmu, address, access, out Translation translation, out FaultOutcome outcome))
        {
            Signal = outcome;
            _counters.Signals++;
            return false;
        }

        if (had)
        {
            _counters.Refusals++;
        }
        else
        {
            _counters.Misses++;
        }

        // Without a write yet there is no right to write: the entry must become dirty with the first one.
        Rights rights = translation.Rights & (access == Access.Write ? Rights.Read | Rights.Write | Rights.Execute : Rights.Read | Rights.Execute);
        PhysicalAddress frame = new(translation.Physical.Value & ~(PageBytes - 1));
        if (had && before.Frame != frame)
        {
            _counters.Copies++;
        }
        else if (had && before.Rights == rights)
        {
            throw new InvalidOperationException($"Unicorn refuses the access to {address:x}, which {before} allows.");
        }

        Install(page, frame, rights);
        return true;
    }

    private void MakeRoom()
    {
        if (_pages.Count <= _capacity)
        {
            return;
        }

        if (_returned > _capacity / 8 && _capacity < MostPages)
        {
            _capacity *= 2;
            _returned = 0;
            return;
        }

        _evicted.Clear();
        _returned = 0;
        while (_pages.Count > _capacity / 2 && _order.TryDequeue(out ulong oldest))
        {
            if (Remove(oldest))
            {
                _evicted.Add(oldest);
                _counters.PagesEvicted++;
            }
        }
    }

    private readonly record struct Installed(PhysicalAddress Frame, Rights Rights);
}
