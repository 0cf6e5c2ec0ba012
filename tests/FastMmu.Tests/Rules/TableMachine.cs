using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Processor;
using FastMmu.Tlb;
using Xunit;
using static FastMmu.Addresses.ByteSize;

namespace FastMmu.Tests.Rules;

/// <summary>Bits of paging-structure entries, restated here so that a wrong position in the engine is seen.</summary>
internal static class Bit
{
    public const ulong P = 1, W = 2, U = 4, Pwt = 8, Pcd = 0x10, A = 0x20, D = 0x40, Ps = 0x80, Pat = 0x80, G = 0x100, PatLarge = 0x1000;
    public const ulong Xd = 1UL << 63;
    public const ulong Pw = P | W, Pu = P | U, Pwu = P | W | U;

    public static ulong Key(int key) => (ulong)key << 59;
}

/// <summary>Bits of page-fault error codes.</summary>
internal static class Pf
{
    public const int P = 1, W = 2, U = 4, Rsvd = 8, I = 0x10, Pk = 0x20, Ss = 0x40;
}

/// <summary>
/// Guest memory with one permissive path of tables for linear addresses from 0 on, and an MMU that pages through it.
/// The table of level n lies at n·1000h; only entry 0 of the upper tables is present, and no page is mapped yet.
/// </summary>
internal sealed class TableMachine : IDisposable
{
    /// <summary>What <see cref="Mmu.Cr2"/> holds until a page fault changes it.</summary>
    public const ulong OldCr2 = 0xdead_beef;

    public static readonly ProcessorFeatures Features46 = ProcessorFeatures.Everything with { PhysicalAddressBits = 46 };

    public TableMachine(PagingMode mode = PagingMode.FourLevel, ProcessorFeatures? features = null, MmuOptions? options = null)
    {
        Mode = mode;
        Memory = PhysicalMemory.Create(64 * MiB);
        for (int level = 2; level <= TopLevel; level++) this[level, 0] = Table(level - 1) | (mode == PagingMode.Pae && level == 3 ? Bit.P : Bit.Pwu);
        Mmu = new Mmu(Memory, features ?? Features46, options) { Cr2 = OldCr2 };
        if (mode != PagingMode.None) Assert.Equal(MmuFault.None, Mmu.EnablePaging(Table(TopLevel), mode));
    }

    /// <summary>Ways to cache: a rule about translations holds in all of them.</summary>
    public static TheoryData<string> Caches => [.. CachesByName.Keys];

    private static Dictionary<string, MmuOptions> CachesByName { get; } = new()
    {
        ["no cache"] = new() { Tlb = TlbPreset.None, PagingStructures = PagingStructureGeometry.None },
        ["TLB alone"] = new() { Tlb = TlbPreset.Zen4, PagingStructures = PagingStructureGeometry.None },
        ["paging-structure caches alone"] = new() { Tlb = TlbPreset.None },
        ["Zen 4"] = MmuOptions.Default,
        ["Skylake, true LRU"] = new() { Tlb = TlbPreset.Skylake, Replacement = ReplacementKind.TrueLru },
        ["80386, random"] = new() { Tlb = TlbPreset.Intel80386, Replacement = ReplacementKind.Random },
    };

    public PagingMode Mode { get; }

    public PhysicalMemory Memory { get; }

    public Mmu Mmu { get; }

    public int TopLevel => (int)Mode;

    public int EntryBytes => Mode == PagingMode.TwoLevel ? 4 : 8;

    /// <summary>One of <see cref="Caches"/>, counting.</summary>
    public static MmuOptions CachedBy(string name) => CachesByName[name] with { Statistics = true };

    public static ulong Table(int level) => (ulong)level * 0x1000;

    /// <summary>The entry of a table of the machine, as raw memory.</summary>
    public ulong this[int level, int index]
    {
        get => Entry(Table(level), index);
        set => SetEntry(Table(level), index, value);
    }

    public ulong Entry(ulong table, int index)
    {
        ulong at = table + (ulong)(index * EntryBytes);
        return EntryBytes == 4 ? Memory.Read<uint>(at) : Memory.Read<ulong>(at);
    }

    public void SetEntry(ulong table, int index, ulong raw)
    {
        ulong at = table + (ulong)(index * EntryBytes);
        if (EntryBytes == 4) Memory.Write(at, checked((uint)raw));
        else Memory.Write(at, raw);
    }

    public void SetCr4(ulong bits) => Assert.Equal(MmuFault.None, Mmu.WriteCr4(Mmu.State.Cr4.Value | bits));

    public void ClearCr4(ulong bits) => Assert.Equal(MmuFault.None, Mmu.WriteCr4(Mmu.State.Cr4.Value & ~bits));

    public void SetWp(bool on) =>
        Assert.Equal(MmuFault.None, Mmu.WriteCr0(on ? Mmu.State.Cr0.Value | Cr0.WpBit : Mmu.State.Cr0.Value & ~Cr0.WpBit));

    public void SetNxe(bool on) =>
        Assert.Equal(MmuFault.None, Mmu.WriteEfer(on ? Mmu.State.Efer.Value | Efer.NxeBit : Mmu.State.Efer.Value & ~Efer.NxeBit));

    /// <summary>
    /// Asks in every way there is: without a trace, for real, for real again when a cached translation may answer, as a batch, and as the program
    /// itself would. All must agree.
    /// </summary>
    public Translation Ask(ulong linear, Access access = Access.Read, Privilege privilege = Privilege.Supervisor, bool stack = false)
    {
        Translation probe = Mmu.Probe(linear, access, privilege, stack);
        Translation first = Mmu.Translate(linear, access, privilege, stack);
        Translation second = Mmu.Translate(linear, access, privilege, stack);
        Assert.Equal(first, second);
        Assert.Equal(first, probe);
        ulong[] lane = [linear];
        BatchResult batch = Mmu.TranslateBatch(lane, lane, access, privilege);
        Assert.Equal(first.Ok ? new BatchResult(1, 0, -1) : new BatchResult(0, 1, 0), batch);
        Assert.Equal(first.Ok ? first.Physical.Value : BatchResult.FaultedLane, lane[0]);
        if (!stack && access <= Access.Execute && privilege <= Privilege.User && Mode != PagingMode.None) AskAsProgram(linear, access, privilege, first);
        return first;
    }

    // Reads, writes back or fetches one byte at the CPL that has the privilege.
    private void AskAsProgram(ulong linear, Access access, Privilege privilege, Translation expected)
    {
        int cpl = Mmu.State.Cpl;
        Mmu.SetCpl(privilege == Privilege.User ? 3 : 0);
        Span<byte> code = stackalloc byte[1];
        for (int round = 0; round < 2; round++)
        {
            byte value = expected.Ok ? Memory.Read<byte>(expected.Physical) : (byte)0;
            byte read = value;
            MmuFault fault;
            bool done = access switch
            {
                Access.Read => Mmu.TryRead(linear, out read, out fault),
                Access.Write => Mmu.TryWrite(linear, value, out fault),
                _ => Mmu.Fetch(linear, code, out fault) == 1,
            };
            if (access == Access.Execute && done) read = code[0];
            Assert.Equal(expected.Fault, fault);
            Assert.Equal(expected.Ok, done);
            if (done) Assert.Equal(value, read);
        }

        Mmu.SetCpl(cpl);
    }

    /// <summary>The access must reach a physical address.</summary>
    public Translation Maps(ulong physical, ulong linear, Access access = Access.Read, Privilege privilege = Privilege.Supervisor)
    {
        Translation answer = Ask(linear, access, privilege);
        Assert.True(answer.Ok, $"{access} by {privilege} at {linear:x}: {answer}");
        Assert.Equal(physical, answer.Physical.Value);
        return answer;
    }

    /// <summary>The access must raise a page fault with exactly this error code, and CR2 must receive its address.</summary>
    public Translation Faults(int error, ulong linear, Access access = Access.Read, Privilege privilege = Privilege.Supervisor)
    {
        Translation answer = Ask(linear, access, privilege);
        Assert.True(answer.Fault.Vector == ExceptionVector.PageFault, $"{access} by {privilege} at {linear:x}: {answer}");
        Assert.True(error == answer.Fault.ErrorCode, $"{access} by {privilege} at {linear:x}: {answer}, expected code {error:x}");
        Assert.Equal(linear, Mmu.Cr2);
        Assert.Equal(linear, answer.Fault.Address);
        return answer;
    }

    /// <summary>The access must raise a fault other than #PF, with error code 0, and leave CR2 alone.</summary>
    public Translation Refuses(
        ExceptionVector vector, ulong linear, Access access = Access.Read, Privilege privilege = Privilege.Supervisor, bool stack = false)
    {
        ulong before = Mmu.Cr2;
        Translation answer = Ask(linear, access, privilege, stack);
        Assert.True(answer.Fault.Vector == vector, $"{access} by {privilege} at {linear:x}: {answer}");
        Assert.Equal(0, answer.Fault.ErrorCode);
        Assert.Equal(before, Mmu.Cr2);
        return answer;
    }

    public void Dispose()
    {
        Mmu.Dispose();
        Memory.Dispose();
    }
}
