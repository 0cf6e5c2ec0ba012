using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>
/// The fast table of an <see cref="Mmu"/> without its page walk, segments and registers: what it does not hold it asks the embedder. For other architectures, and for
/// programs that have areas instead of page tables.
/// </summary>
/// <remarks>
/// <para>Linear addresses have 64 bits, all of them different; address spaces have a number, and what else answers depend on is another (<see cref="Enter"/>). The sixteen
/// combinations met last are remembered. RAM below 1 TiB is cached for each kind of access and privilege by itself; for devices, ROM and pages that somebody watches the
/// translator is asked each time.</para>
/// <para>Not thread-safe: one thread at a time drives one; several may run over one memory. When the memory is remapped, logged or restored, all of them forget at once: the
/// threads that drive them must not run then, or be members of an <see cref="MmuGroup"/>, where each hears of it at its next <see cref="MmuMember.Poll"/>.</para>
/// </remarks>
/// <example><code>
/// using var memory = PhysicalMemory.Create(64 * MiB);
/// // All of its address space lies a megabyte higher, and only the lowest 64 KiB may be used.
/// using var tlb = new SoftTlb(memory, (SoftTlb asks, ulong linear, Access access, Privilege privilege, out SoftPage page) =&gt;
/// {
///     page = new(0x10_0000 + (linear &amp; 0xffff));
///     return linear &lt; 0x1_0000;
/// });
/// Console.WriteLine(tlb.TryWrite(0x1234, 42));                // True
/// Console.WriteLine(memory.Read&lt;int&gt;(0x10_1234));            // 42
/// </code></example>
public sealed unsafe partial class SoftTlb : IDisposable, IInvalidationTarget, IMemoryTarget, IMemoryListener
{
    private readonly PhysicalMemory _memory;
    private readonly ILinearTranslator _translator;
    private readonly FastTable _fast = new();
    private readonly FastView* _view;
    private readonly byte* _base;
    private readonly Lock _disposing = new();
    private readonly MemoryListener _listener;
    private bool _vastSeen, _globalsSeen;

    /// <summary>Makes an empty one, in address space 0.</summary>
    /// <param name="memory">Guest memory; not owned.</param>
    /// <param name="translator">Who knows where addresses are.</param>
    public SoftTlb(PhysicalMemory memory, ILinearTranslator translator)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(translator);
        _memory = memory;
        _translator = translator;
        _view = _fast.View;
        _view->SignBias = 1UL << (PackedTable.LinearBits - 1);
        _view->SignMask = ulong.MaxValue << PackedTable.LinearBits;
        _base = memory.WindowBase;
        _listener = new MemoryListener(memory, this);
        Enter(0);
    }

    /// <summary>Makes an empty one, in address space 0.</summary>
    /// <param name="memory">Guest memory; not owned.</param>
    /// <param name="translation">Says where addresses are.</param>
    public SoftTlb(PhysicalMemory memory, LinearTranslation translation)
        : this(memory, new Function(translation ?? throw new ArgumentNullException(nameof(translation))))
    {
    }

    /// <summary>Guest memory.</summary>
    public PhysicalMemory Memory => _memory;

    /// <summary>The number of the current address space.</summary>
    public int AddressSpace { get; private set; }

    /// <summary>What else the translator's answers depend on.</summary>
    public ulong Regime { get; private set; }

    /// <summary>On whose behalf accesses are made that do not say it; <see cref="Privilege.User"/> at first.</summary>
    public Privilege Privilege { get; set; } = Privilege.User;

    /// <summary>How often the translator was asked.</summary>
    public ulong Misses { get; private set; }

    /// <summary>Where the words lie that an inlined probe reads, as <see cref="Mmu.InlineProbeAddress"/>.</summary>
    public nint InlineProbeAddress => (nint)_view;

    /// <summary>Where physical address 0 would be in the host, as <see cref="Mmu.HostBase"/>.</summary>
    public nint HostBase => _memory.IsDisposed ? 0 : (nint)_base;

    /// <summary>Goes to another address space, or under other rules. Some nanoseconds; nothing is forgotten.</summary>
    /// <param name="addressSpace">Its number: an ASID, a PCID, a VMID with one. Any.</param>
    /// <param name="regime">All register bits that the translator's answers depend on, however the embedder puts them together.</param>
    /// <example><code>
    /// tlb.Enter(7);
    /// Console.WriteLine(tlb.TryRead(0x1234, out int value));  // True
    /// tlb.Enter(0);
    /// Console.WriteLine(tlb.TryRead(0x1234, out value));      // True
    /// Console.WriteLine(tlb.Misses);                          // 3
    /// </code></example>
    public void Enter(int addressSpace, ulong regime = 0)
    {
        AddressSpace = addressSpace;
        Regime = regime;
        _fast.Enter(new FastFingerprint(regime, (uint)addressSpace));
    }

    /// <summary>Translates an address.</summary>
    /// <param name="linear">The address.</param>
    /// <param name="access">What the access does.</param>
    /// <param name="privilege">On whose behalf.</param>
    /// <param name="physical">Where it is; zero if the access is refused.</param>
    /// <returns>Whether the access is allowed.</returns>
    /// <exception cref="InvalidOperationException">The translator's answer is no page.</exception>
    /// <example><code>
    /// Console.WriteLine(tlb.TryTranslate(0x1238, Access.Read, Privilege.User, out PhysicalAddress physical));     // True
    /// Console.WriteLine(physical);                            // 0x101238
    /// Console.WriteLine(tlb.TryTranslate(0x1_0000, Access.Read, Privilege.User, out physical));                   // False
    /// </code></example>
    public bool TryTranslate(ulong linear, Access access, Privilege privilege, out PhysicalAddress physical)
    {
        bool done = _view->TryFind(linear, 1, PermissionTable.RowOf(access, privilege), out ulong found)
            || TryTranslateSlowly(linear, access, privilege, out found);
        physical = PhysicalAddress.Within(found);
        return done;
    }

    /// <summary>What it holds of all address spaces; those with the same twelve low bits have one <see cref="FastEntry.Pcid"/>.</summary>
    /// <example><code>
    /// foreach (FastEntry entry in tlb.Entries()) Console.WriteLine(entry);        // 0x1000 -&gt; 0x101000 Write User, pcid 0
    /// </code></example>
    public IReadOnlyList<FastEntry> Entries() => _fast.Contents();

    /// <summary>Frees what it holds. The memory is not disposed.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        lock (_disposing) _fast.Dispose();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryTranslateSlowly(ulong linear, Access access, Privilege privilege, out ulong physical, bool packed = false)
    {
        Misses++;
        ulong generation = _view->Generation, asked = _asked;
        physical = 0;
        if (!_translator.TryTranslate(this, linear, access, privilege, out SoftPage page)) return false;
        physical = page.Physical.Value;
        if (page.Shift is < 12 or > 63 || ((physical ^ linear) & 0xfff) != 0)
        {
            throw new InvalidOperationException($"0x{linear:x} cannot be at {page.Physical} in a page of 2^{page.Shift} bytes.");
        }

        // What the translator made the table forget meanwhile may be what it says now.
        if (page.Cached && generation == _view->Generation && asked == _asked && Admits(physical, access)) Insert(linear, in page, PermissionTable.RowOf(access, privilege), packed);
        return true;
    }

    private void Insert(ulong linear, in SoftPage page, int row, bool packed)
    {
        if (page.Shift > 12) NoteLarge(linear, page.Shift);
        if ((page.Rights & Rights.Global) != 0) _globalsSeen = true;
        uint attributes = Translation.AttributesOf((PageSize)page.Shift, page.Rights, patIndex: 0);
        _fast.Insert(row, linear, page.Physical.Value, attributes);
        if (packed && IsPackable(linear)) _fast.InsertPacked(row, linear, page.Physical.Value, attributes);
        // The memory may have gone on another thread, which has wiped the table before this entry came.
        if (_memory.IsDisposed) ForgetMemory();
    }

    private void NoteLarge(ulong linear, int shift)
    {
        _vastSeen |= shift > (int)PageSize.Size1G;
        _fast.NoteLarge(linear, shift <= (int)PageSize.Size2M ? PageSize.Size2M : shift == (int)PageSize.Size4M ? PageSize.Size4M : PageSize.Size1G);
    }

    private bool Admits(ulong physical, Access access)
    {
        ulong page = physical & ~0xfffUL;
        return physical < FastTable.FrameLimit && _memory.IsWindowRam(page)
            && (access is not (Access.Write or Access.ShadowStackWrite) || _memory.AdmitsWrites(page));
    }

    private sealed class Function(LinearTranslation translation) : ILinearTranslator
    {
        public bool TryTranslate(SoftTlb tlb, ulong linear, Access access, Privilege privilege, out SoftPage page) =>
            translation(tlb, linear, access, privilege, out page);
    }
}
