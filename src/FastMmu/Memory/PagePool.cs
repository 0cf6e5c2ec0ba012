using System.Runtime.CompilerServices;

namespace FastMmu.Memory;

/// <summary>Room for copies of pages, in native memory: taken and given back without the garbage collector's knowledge.</summary>
/// <remarks>Not thread-safe. A slot is a number: half the size of an address, and never 0.</remarks>
internal sealed unsafe class PagePool : IDisposable
{
    internal const int PageBytes = 4096;

    // A region is address space for a gigabyte, of which 2 MiB are made usable at a time: few mappings on the host, and an address by arithmetic.
    private const int RegionShift = 18;
    private const ulong RegionBytes = (ulong)PageBytes << RegionShift;
    private const int SlotsAtOnce = (int)(NativeRegion.Alignment / PageBytes);

    private readonly List<NativeRegion> _regions = [];
    private nint[] _bases = [];
    private uint[] _free = new uint[SlotsAtOnce];
    private int _freeCount;
    private uint _next;

    /// <summary>Slots that are in use.</summary>
    internal long InUse => Room - _freeCount;

    /// <summary>Slots for which the host has given memory.</summary>
    internal long Room => _next == 0 ? 0 : _next - 1;

    /// <summary>The bytes of a slot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* At(uint slot) => (byte*)_bases[slot >> RegionShift] + ((nuint)(slot & ((1 << RegionShift) - 1)) * PageBytes);

    /// <summary>A slot of undefined contents.</summary>
    /// <exception cref="InsufficientMemoryException">The host has no more memory.</exception>
    internal uint Take()
    {
        if (_freeCount == 0) Grow();
        return _free[--_freeCount];
    }

    /// <summary>Gives a slot back.</summary>
    internal void Return(uint slot)
    {
        if (_freeCount == _free.Length) Array.Resize(ref _free, 2 * _freeCount);
        _free[_freeCount++] = slot;
    }

    /// <summary>Makes sure that some slots can be taken without a wait, and without a failure: the host has given their memory.</summary>
    internal void Prepare(int count)
    {
        while (_freeCount < count) Grow();
    }

    /// <summary>Gives all slots back, and keeps their memory.</summary>
    internal void ReturnAll()
    {
        if (_free.Length < _next) Array.Resize(ref _free, (int)_next);
        _freeCount = 0;
        // As they were at first: taken in the order of their addresses.
        for (uint slot = _next; slot > 1;) _free[_freeCount++] = --slot;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (NativeRegion region in _regions) region.Dispose();
        _regions.Clear();
        _bases = [];
        _freeCount = 0;
        _next = 0;
    }

    private void Grow()
    {
        if (_next >> RegionShift == _regions.Count)
        {
            var region = new NativeRegion(RegionBytes);
            _regions.Add(region);
            _bases = [.. _bases, (nint)region.Base];
        }

        int index = (int)(_next >> RegionShift);
        ulong offset = (_next & ((1u << RegionShift) - 1)) * (ulong)PageBytes;
        _regions[index].Commit(offset, NativeRegion.Alignment, hugePages: true);
        if (_free.Length < _freeCount + SlotsAtOnce) Array.Resize(ref _free, _freeCount + SlotsAtOnce);
        // Downwards, so that slots are taken in the order of their addresses. Touched here, so that no first write of a guest waits for the host.
        for (int i = SlotsAtOnce - 1; i >= 0; i--)
        {
            uint slot = _next + (uint)i;
            if (slot == 0) continue;
            *At(slot) = 0;
            _free[_freeCount++] = slot;
        }

        _next += SlotsAtOnce;
    }
}
