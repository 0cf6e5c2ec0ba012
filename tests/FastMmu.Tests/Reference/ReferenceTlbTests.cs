using FastMmu.Processor;
using FastMmu.Reference;
using Xunit;
using static FastMmu.Tests.Reference.TableFixture;

namespace FastMmu.Tests.Reference;

/// <summary>Which answers stay permitted after which changes, and which never were.</summary>
public class ReferenceTlbTests
{
    private const ulong OtherFrame = 0xa000;

    private readonly TableFixture _tables = new(PagingMode.FourLevel);
    private readonly ReferenceTlb _tlb;

    public ReferenceTlbTests()
    {
        _tables.State.Cr4 = _tables.State.Cr4.Value | Cr4.PcideBit | Cr4.PgeBit;
        _tlb = new ReferenceTlb(_tables.Memory);
    }

    private ulong Linear => _tables.Linear;

    private ref PagingState State => ref _tables.State;

    [Fact]
    public void FullWalk_AtAnyTime_IsPermittedAndNothingElseAtFirst()
    {
        Assert.True(Permits(Frame));
        Assert.False(Permits(OtherFrame));
        Assert.False(_tlb.Permits(State, Read(Linear), ObservedAnswer.Translated(Frame + Offset, rights: Paging.Rights.UserRead)).IsPermitted);
        Assert.False(_tlb.Permits(State, Read(Linear), ObservedAnswer.Faulted(ExceptionVector.PageFault, 4, Linear)).IsPermitted);
    }

    [Fact]
    public void PageRemapped_NoInvalidation_OldAndNewArePermittedButNoMixture()
    {
        Use(Access.Read);
        _tables[1] = OtherFrame | P | U;

        var oldRights = Paging.Rights.UserAll;
        var newRights = Paging.Rights.UserReadExecute;
        Assert.True(_tlb.Permits(State, Read(Linear), ObservedAnswer.Translated(Frame + Offset, rights: oldRights)).IsPermitted);
        Assert.True(_tlb.Permits(State, Read(Linear), ObservedAnswer.Translated(OtherFrame + Offset, rights: newRights)).IsPermitted);
        Assert.False(_tlb.Permits(State, Read(Linear), ObservedAnswer.Translated(Frame + Offset, rights: newRights)).IsPermitted);
        Assert.False(_tlb.Permits(State, Read(Linear), ObservedAnswer.Translated(OtherFrame + Offset, rights: oldRights)).IsPermitted);
    }

    [Fact]
    public void PageRemapped_NeverUsedBefore_OldIsNotPermitted()
    {
        _tables[1] = OtherFrame | P | U;
        Assert.False(Permits(Frame));
        Assert.True(Permits(OtherFrame));
    }

    [Fact]
    public void PageRemapped_ProbedBefore_OldIsNotPermitted()
    {
        Assert.True(Permits(Frame));
        _tables[1] = OtherFrame | P | U;
        Assert.False(Permits(Frame));
    }

    [Fact]
    public void PageRemapped_ProcessorMayHaveWalkedAhead_OldIsPermitted()
    {
        _tlb.MayHaveWalked(State, Linear);
        _tables[1] = OtherFrame | P | U;
        Assert.True(Permits(Frame));
    }

    [Fact]
    public void UpperEntryChanged_NoInvalidation_OldTableWithItsPresentEntriesIsPermitted()
    {
        // Another page of the same region, reached through the old table and through a new one.
        ulong neighbour = Linear + 0x1000;
        _tables.Memory.WritePhysical(_tables.AddressOf(1) + 8, 0xb000 | P | U, 8);
        Use(Access.Read);
        _tables[2] = 0x8000 | P | W | U;
        _tables.Memory.WritePhysical(0x8000 + (8 * 0x146), 0xc000 | P | U, 8);
        Assert.True(Permits(0xb000, neighbour));
        Assert.True(Permits(0xc000, neighbour));

        // The old table as it is now, not as it was: nobody ever walked to the neighbour's old entry.
        _tables.Memory.WritePhysical(_tables.AddressOf(1) + 8, 0xd000 | P | U, 8);
        Assert.True(Permits(0xd000, neighbour));
        Assert.False(Permits(0xb000, neighbour));

        // INVLPG of any address drops the tables of the current PCID.
        _tlb.InvalidatePage(State, 0);
        Assert.False(Permits(0xd000, neighbour));
        Assert.True(Permits(0xc000, neighbour));
        Assert.True(Permits(Frame), "the translation of another page stays");
    }

    [Fact]
    public void UpperEntryChanged_CachedTable_BringsTheRightsOfItsPath()
    {
        ulong neighbour = Linear + 0x1000;
        _tables.Memory.WritePhysical(_tables.AddressOf(1) + 8, 0xb000 | P | W | U, 8);
        Use(Access.Read);
        _tables[3] &= ~W;
        _tables[2] &= ~U;

        // Read-only supervisor now; writable user through the level-1 table, writable supervisor through the level-2 table.
        foreach ((Paging.Rights rights, bool permitted) in new[]
        {
            (Paging.Rights.SupervisorReadExecute, true), (Paging.Rights.UserAll, true), (Paging.Rights.SupervisorAll, true),
            (Paging.Rights.UserReadExecute, false),
        })
        {
            var access = new ReferenceAccess(neighbour, Access.Read, Privilege.Supervisor);
            Assert.Equal(permitted, _tlb.Permits(State, access, ObservedAnswer.Translated(0xb000 + Offset, rights: rights)).IsPermitted);
        }
    }

    [Theory]
    [InlineData(Access.Read, 0UL, false)]
    [InlineData(Access.Read, D, true)]
    [InlineData(Access.Write, 0UL, true)]
    public void Write_ThroughStaleTranslation_NeedsItsDirtyFlag(Access first, ulong dirty, bool permitted)
    {
        _tables[1] |= dirty;
        Use(first);
        _tables[1] = OtherFrame | P | W | U;
        Assert.True(Permits(Frame));
        var write = new ReferenceAccess(Linear, Access.Write, Privilege.User);
        Assert.Equal(permitted, _tlb.Permits(State, write, ObservedAnswer.Translated(Frame + Offset)).IsPermitted);
        Assert.True(_tlb.Permits(State, write, ObservedAnswer.Translated(OtherFrame + Offset)).IsPermitted);
    }

    [Fact]
    public void Registers_ThatAreNoPartOfATranslation_CountAsTheyAreAtTheAccess()
    {
        Use(Access.Read);
        _tables[1] = OtherFrame | P | W | U;
        var supervisor = new ReferenceAccess(Linear, Access.Read, Privilege.Supervisor);
        var old = ObservedAnswer.Translated(Frame + Offset);
        Assert.True(_tlb.Permits(State, supervisor, old).IsPermitted);
        State.Cr4 = State.Cr4.Value | Cr4.SmapBit;
        Assert.False(_tlb.Permits(State, supervisor, old).IsPermitted);
        State.RFlags = RFlags.AcBit;
        Assert.True(_tlb.Permits(State, supervisor, old).IsPermitted);
        State.Cr4 = State.Cr4.Value | Cr4.PkeBit;
        State.Pkru = 1;
        Assert.False(_tlb.Permits(State, supervisor, old).IsPermitted);
    }

    [Fact]
    public void PageFault_OnAPage_DropsItsTranslationsAndTables()
    {
        Use(Access.Read);
        _tables[1] = 0;
        Assert.True(Permits(Frame), "nothing was invalidated");
        Verdict verdict = _tlb.Observe(State, Read(Linear), ObservedAnswer.Faulted(ExceptionVector.PageFault, 0x04, Linear));
        Assert.True(verdict.IsPermitted, verdict.Explanation);
        Assert.False(Permits(Frame));
        Assert.Equal((0, 0), (_tlb.TranslationCount, _tlb.TableCount));
    }

    [Fact]
    public void PageFault_OnAnotherPage_LeavesTheTranslation()
    {
        Use(Access.Read);
        ulong elsewhere = Linear ^ (1UL << 39);
        Assert.True(_tlb.Observe(State, Read(elsewhere), ObservedAnswer.Faulted(ExceptionVector.PageFault, 0x04, elsewhere)).IsPermitted);
        _tables[1] = OtherFrame | P | U;
        Assert.True(Permits(Frame));
        Assert.Equal(3, _tlb.TableCount);
    }

    [Theory]
    [InlineData(SpuriousFaults.All, true, true)]
    [InlineData(SpuriousFaults.FromCachedTables, false, true)]
    [InlineData(SpuriousFaults.None, false, false)]
    public void RightsWidened_NoInvalidation_SpuriousFaultIsPermittedAsAsked(SpuriousFaults kind, bool fromTranslation, bool fromTable)
    {
        // The leaf becomes writable: only a cached translation can still refuse the write.
        _tables[1] &= ~W;
        var tlb = new ReferenceTlb(_tables.Memory, kind);
        var write = new ReferenceAccess(Linear, Access.Write, Privilege.User);
        var refused = ObservedAnswer.Faulted(ExceptionVector.PageFault, 0x07, Linear);
        Use(tlb, Access.Read);
        _tables[1] |= W;
        Assert.Equal(fromTranslation, tlb.Permits(State, write, refused).IsPermitted);
        Assert.True(tlb.Permits(State, write, ObservedAnswer.Translated(Frame + Offset)).IsPermitted);

        // An entry above becomes writable: a walk from the table below it refuses a write to a page that was never used.
        _tables.Memory.WritePhysical(_tables.AddressOf(1) + 8, 0xb000 | P | W | U, 8);
        _tables[2] &= ~W;
        tlb = new ReferenceTlb(_tables.Memory, kind);
        Use(tlb, Access.Read);
        _tables[2] |= W;
        write = write with { Linear = Linear + 0x1000 };
        Assert.Equal(fromTable, tlb.Permits(State, write, refused with { Cr2 = Linear + 0x1000 }).IsPermitted);
    }

    [Fact]
    public void LargePage_InvalidatedAnywhere_IsGoneEverywhere()
    {
        _tables[2] = 0x4020_0087;
        Use(Access.Read);
        _tables[2] = 0x4040_0087;
        Assert.True(Permits(0x4020_0000 + (Linear & 0x1f_f000)));
        _tlb.InvalidatePage(State, Linear ^ 0x1f_f000);
        Assert.False(Permits(0x4020_0000 + (Linear & 0x1f_f000)));
    }

    [Fact]
    public void Invlpg_OfANonCanonicalAddress_DoesNothing()
    {
        Use(Access.Read);
        State.Cr3 = State.Cr3.Value | (1UL << 62);
        _tlb.InvalidatePage(State, Linear | (0x7fUL << 56));
        Assert.Equal((1, 3), (_tlb.TranslationCount, _tlb.TableCount));
    }

    // What each operation leaves of: this context, this context's global page, another context, another context's global page.
    // An operation is given as CR3 operand, or INVPCID type, or a changed CR4 bit, or a changed CR0 bit.
    [Theory]
    [InlineData("cr3 1", "GoG")] // MOV to CR3 of the current PCID
    [InlineData("cr3 2", "cGG")]
    [InlineData("cr3 3", "cGoG")]
    [InlineData("cr3 1 keep", "cGoG")]
    [InlineData("invpcid 0", "GoG")]
    [InlineData("invpcid 1", "GoG")]
    [InlineData("invpcid 2", "")]
    [InlineData("invpcid 3", "GG")]
    [InlineData("invlpg", "o")]
    [InlineData("cr4 pge", "")]
    [InlineData("cr4 pse", "")]
    [InlineData("cr4 pcide", "")]
    [InlineData("cr4 smep", "oG")]
    [InlineData("cr4 smap", "cGoG")]
    [InlineData("cr0 wp", "cGoG")]
    [InlineData("cr0 pg", "")]
    public void Invalidation_OfEachKind_LeavesExactlyWhatTheArchitectureLetsItLeave(string operation, string left)
    {
        const ulong Here = 1, There = 2;
        ulong global = Linear + 0x1000;
        ulong globalEntry = _tables.AddressOf(1) + 8;

        // The same two pages in two contexts, over the same tables: frames 9000 and b000 here, 9100 and b100 there (page numbers 9, b …).
        foreach ((ulong pcid, ulong frame) in new[] { (Here, 0x9_0000UL), (There, 0x9_1000UL) })
        {
            State.Cr3 = 0x6000 | pcid;
            _tables[1] = frame | P | U;
            _tables.Memory.WritePhysical(globalEntry, (frame + 0x2_0000) | P | U | G, 8);
            Use(_tlb, Access.Read, Linear);
            Use(_tlb, Access.Read, global);
        }

        _tables[1] = 0;
        _tables.Memory.WritePhysical(globalEntry, 0, 8);
        State.Cr3 = 0x6000 | Here;
        Assert.Equal("cGoG", Left());

        PagingState before = State;
        PagingState after = State;
        switch (operation.Split(' '))
        {
            case ["cr3", var pcid]: _tlb.WriteCr3(State, 0x6000 | ulong.Parse(pcid)); break;
            case ["cr3", var pcid, "keep"]: _tlb.WriteCr3(State, (1UL << 63) | 0x6000 | ulong.Parse(pcid)); break;
            case ["invpcid", "0"]:
                Assert.True(_tlb.InvalidateProcessContext(State, 0, Here, Linear));
                Assert.True(_tlb.InvalidateProcessContext(State, 0, Here, global));
                break;
            case ["invpcid", var type]: Assert.True(_tlb.InvalidateProcessContext(State, ulong.Parse(type), Here, 0)); break;
            case ["invlpg"]:
                _tlb.InvalidatePage(State, Linear);
                _tlb.InvalidatePage(State, global);
                break;
            case ["cr4", var bit]:
                after.Cr4 = before.Cr4.Value ^ bit switch
                {
                    "pge" => Cr4.PgeBit, "pse" => Cr4.PseBit, "pcide" => Cr4.PcideBit, "smep" => Cr4.SmepBit, _ => Cr4.SmapBit,
                };
                _tlb.WriteControlRegister(before, after);
                break;
            case ["cr0", var bit]:
                after.Cr0 = before.Cr0.Value ^ (bit == "wp" ? Cr0.WpBit : Cr0.PgBit);
                _tlb.WriteControlRegister(before, after);
                break;
            default: throw new ArgumentException(operation, nameof(operation));
        }

        Assert.Equal(left, Left());

        // c, o: a page of this and of the other context; G: a global page, first this context's.
        string Left()
        {
            State.Cr3 = 0x6000 | Here;
            string text = Permits(0x9_0000) ? "c" : "";
            Assert.False(Permits(0x9_1000), "a page of another context");
            if (Permits(0xb_0000, global)) text += "G";
            bool otherGlobal = Permits(0xb_1000, global);
            State.Cr3 = 0x6000 | There;
            if (Permits(0x9_1000)) text += "o";
            Assert.Equal(otherGlobal, Permits(0xb_1000, global));
            State.Cr3 = 0x6000 | Here;
            return otherGlobal ? text + "G" : text;
        }
    }

    [Fact]
    public void WriteCr3_PcidsOff_DropsAllButGlobalsWhateverBit63Says()
    {
        State.Cr4 = State.Cr4.Value & ~Cr4.PcideBit;
        Use(Access.Read);
        _tlb.WriteCr3(State, (1UL << 63) | 0x6000);
        Assert.Equal((0, 0), (_tlb.TranslationCount, _tlb.TableCount));

        _tables[1] |= G;
        Use(Access.Read);
        _tlb.WriteCr3(State, 0x6000);
        Assert.Equal((1, 0), (_tlb.TranslationCount, _tlb.TableCount));
    }

    [Theory]
    [InlineData(true, 4UL, 0UL, 0UL, false)]
    [InlineData(true, ulong.MaxValue, 0UL, 0UL, false)]
    [InlineData(true, 0UL, 0x1000UL, 0UL, false)]
    [InlineData(true, 2UL, 1UL << 63, 0UL, false)]
    [InlineData(true, 0UL, 0xfffUL, 0UL, true)]
    [InlineData(false, 0UL, 1UL, 0UL, false)]
    [InlineData(false, 1UL, 1UL, 0UL, false)]
    [InlineData(false, 3UL, 1UL, 0UL, true)]
    [InlineData(true, 0UL, 0UL, 0x0100_0000_0000_0000UL, false)]
    [InlineData(true, 0UL, 0UL, 0x0080_0000_0000_0000UL, true)] // the processor has LA57, the mode does not matter
    [InlineData(true, 1UL, 0UL, 0x0100_0000_0000_0000UL, true)] // the address counts for type 0 only
    public void Invpcid_Operands_AreRefusedAsTheManualSays(bool pcids, ulong type, ulong context, ulong linear, bool accepted)
    {
        if (!pcids) State.Cr4 = State.Cr4.Value & ~Cr4.PcideBit;
        Use(Access.Read);
        Assert.Equal(accepted, _tlb.InvalidateProcessContext(State, type, context, linear));
        if (!accepted) Assert.Equal((1, 3), (_tlb.TranslationCount, _tlb.TableCount));
    }

    [Fact]
    public void AddressRefused_BeforePaging_OnlyThatFaultIsPermittedAndNothingIsDropped()
    {
        Use(Access.Read);
        var access = Read(1UL << 60);
        Assert.True(_tlb.Observe(State, access, ObservedAnswer.Faulted(ExceptionVector.GeneralProtection, 0, null)).IsPermitted);
        Assert.False(_tlb.Permits(State, access, ObservedAnswer.Faulted(ExceptionVector.PageFault, 4, 1UL << 60)).IsPermitted);
        Assert.False(_tlb.Permits(State, access, ObservedAnswer.Faulted(ExceptionVector.GeneralProtection, 0, 1UL << 60)).IsPermitted);
        Assert.Equal((1, 3), (_tlb.TranslationCount, _tlb.TableCount));
    }

    [Fact]
    public void Verdict_OfAnInvention_NamesWhatWouldHaveBeenPermitted()
    {
        Use(Access.Read);
        _tables[1] = OtherFrame | P | U;
        Verdict verdict = _tlb.Permits(State, Read(Linear), ObservedAnswer.Translated(0x1_2345));
        Assert.False(verdict.IsPermitted);
        Assert.Contains("a full walk gives 0xaabc", verdict.Explanation, StringComparison.Ordinal);
        Assert.Contains("the translation cached in PCID 0 gives 0x9abc", verdict.Explanation, StringComparison.Ordinal);
    }

    private static ReferenceAccess Read(ulong linear) => new(linear, Access.Read, Privilege.User);

    private bool Permits(ulong frame) => Permits(frame, Linear);

    private bool Permits(ulong frame, ulong linear) =>
        _tlb.Permits(State, Read(linear), ObservedAnswer.Translated(frame + (linear & 0xfff))).IsPermitted;

    private void Use(Access access) => Use(_tlb, access);

    private void Use(ReferenceTlb tlb, Access access) => Use(tlb, access, Linear);

    /// <summary>An access that a processor answers by a full walk.</summary>
    private void Use(ReferenceTlb tlb, Access kind, ulong linear)
    {
        var access = new ReferenceAccess(linear, kind, Privilege.User);
        ReferenceAnswer answer = ReferenceWalker.Translate(State, _tables.Memory, access, updateEntries: true);
        Verdict verdict = tlb.Observe(State, access, ObservedAnswer.Translated(answer.Physical, answer.PageSize, answer.Rights, answer.PatIndex));
        Assert.True(verdict.IsPermitted, verdict.Explanation);
    }
}
