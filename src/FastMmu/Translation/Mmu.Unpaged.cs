using System.Numerics;
using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu;

/// <content>Without paging: a linear address is a physical one. RAM enters the fast table as mapped pages do, so that a hit costs what it costs with paging.</content>
public sealed unsafe partial class Mmu
{
    private static Translation Unpaged(ulong address) => new((uint)address, PageSize.None, Rights.UserAll, patIndex: 0);

    private static BatchResult TranslateUnpaged(ReadOnlySpan<ulong> linear, Span<ulong> physical)
    {
        int i = 0;
        for (; i <= linear.Length - Vector<ulong>.Count; i += Vector<ulong>.Count)
        {
            (new Vector<ulong>(linear[i..]) & new Vector<ulong>(uint.MaxValue)).CopyTo(physical[i..]);
        }

        for (; i < linear.Length; i++) physical[i] = (uint)linear[i];
        return new(linear.Length, 0, -1);
    }

    // What enters is the address of 32 bits; one with more above is no canonical form of it, and is cut anew each time.
    private Translation UnpagedAndEnter<TPoints>(ulong address, Access access, int row, bool packed) where TPoints : struct, IInterleavingPoints
    {
        Translation translation = Unpaged(address);
        if (_fastUsable) TryInsertFast<TPoints>(address, access, row, packed, in translation);
        return translation;
    }
}
