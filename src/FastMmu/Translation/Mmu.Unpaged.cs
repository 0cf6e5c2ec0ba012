using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Processor;

namespace FastMmu;

/// <content>Without paging: a linear address is a physical one. RAM enters the fast table as mapped pages do, so that a hit costs what it costs with paging.</content>
public sealed unsafe partial class Mmu
{
    private static Translation Unpaged(ulong address) => new((uint)address, PageSize.None, Rights.UserAll, patIndex: 0);

    // What enters is the address of 32 bits; one with more above is no canonical form of it, and is cut anew each time.
    private Translation UnpagedAndEnter(ulong address, Access access, int row, bool packed)
    {
        Translation translation = Unpaged(address);
        if (_fastUsable) TryInsertFast(address, access, row, packed, in translation);
        return translation;
    }
}
