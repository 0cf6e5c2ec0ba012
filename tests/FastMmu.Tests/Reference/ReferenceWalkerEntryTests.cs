using FastMmu.Processor;
using FastMmu.Reference;
using Xunit;
using static FastMmu.Tests.Reference.TableFixture;

namespace FastMmu.Tests.Reference;

/// <summary>Which accessed and dirty flags an access sets.</summary>
public class ReferenceWalkerEntryTests
{
    public static TheoryData<PagingMode> Modes => [PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Access_Allowed_SetsAccessedEverywhereAndDirtyInTheLeafOfAWrite(PagingMode mode)
    {
        foreach (Access access in new[] { Access.Read, Access.Execute, Access.Write })
        {
            var tables = new TableFixture(mode);
            ReferenceAnswer answer = tables.Do(access, Privilege.User);
            foreach (ReferenceEntry entry in answer.Entries)
            {
                ulong flags = A | (access == Access.Write && entry.Level == 1 ? D : 0);
                Assert.Equal(entry.Before | flags, entry.After);
                Assert.Equal(entry.After, tables[entry.Level]);
            }

            // Nothing is left to set, so nothing is written a second time.
            int writes = tables.Memory.Writes;
            Assert.True(tables.Do(access, Privilege.User).Ok);
            Assert.Equal(writes, tables.Memory.Writes);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Probe_OfAnything_WritesNothingAndAnswersTheSame(PagingMode mode)
    {
        var tables = new TableFixture(mode);
        int writes = tables.Memory.Writes;
        ReferenceAnswer probe = tables.Probe(Access.Write, Privilege.User);
        Assert.Equal(writes, tables.Memory.Writes);
        ReferenceAnswer answer = tables.Do(Access.Write, Privilege.User);
        Assert.Equal(probe.Entries, answer.Entries);
        Assert.Equal(probe with { Entries = answer.Entries }, answer);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Access_Refused_ChangesNoEntry(PagingMode mode)
    {
        var tables = new TableFixture(mode);
        tables[1] &= ~W;
        int writes = tables.Memory.Writes;
        ReferenceAnswer answer = tables.Do(Access.Write, Privilege.User);
        Assert.Equal(FaultReason.WriteProtected, answer.Fault?.Reason);
        Assert.Equal(writes, tables.Memory.Writes);
        Assert.All(answer.Entries, entry => Assert.Equal(entry.Before, entry.After));
    }

    [Fact]
    public void SupervisorWrite_WpClearPageReadOnly_SetsDirty()
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables.State.Cr0 = Cr0.PgBit | Cr0.PeBit;
        tables[1] &= ~W;
        Assert.True(tables.Do(Access.Write, Privilege.Supervisor).Ok);
        Assert.Equal(A | D, tables[1] & (A | D));
    }

    [Theory]
    [InlineData(2, 0x0087)]
    [InlineData(3, 0x0087)]
    public void LargePage_Written_HasDirtyInItsLeafAndNothingBelow(int level, ulong entry)
    {
        var tables = new TableFixture(PagingMode.FourLevel);
        tables[level] = entry;
        ulong below = tables[level - 1];
        Assert.True(tables.Do(Access.Write, Privilege.User).Ok);
        Assert.Equal(entry | A | D, tables[level]);
        Assert.Equal(below, tables[level - 1]);
    }

    [Fact]
    public void TableThatMapsItself_Written_CollectsTheFlagsOfAllItsLevels()
    {
        // PML4E 0x1ff refers to its own table: the address of all ones selects that entry four times, and the page is the table.
        var tables = new TableFixture(PagingMode.FourLevel);
        tables.Memory.WritePhysical(0x6ff8, 0x6000 | P | W, 8);
        var access = new ReferenceAccess(0xffff_ffff_ffff_f123, Access.Write, Privilege.Supervisor);
        ReferenceAnswer answer = ReferenceWalker.Translate(tables.State, tables.Memory, access, updateEntries: true);
        Assert.Equal(0x6123UL, answer.Physical);
        Assert.Equal(0x6000 | P | W | A | D, tables.Memory.ReadPhysical(0x6ff8, 8));
        Assert.All(answer.Entries, entry => Assert.Equal(0x6000 | P | W | A | D, entry.After));
    }
}
