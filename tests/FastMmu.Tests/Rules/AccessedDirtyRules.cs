using FastMmu.Addresses;
using FastMmu.Paging.Modes;
using FastMmu.Paging.Walk;
using FastMmu.Processor;
using Xunit;

namespace FastMmu.Tests.Rules;

/// <summary>When and how accessed and dirty are set: by compare-and-swap on what was checked, by permitted accesses only, hit or miss.</summary>
public sealed class AccessedDirtyRules
{
    private const ulong Linear = 0x7123;

    public static TheoryData<string> Caches => TableMachine.Caches;

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule25_WriteAfterTheTablePageWasReused_LeavesTheFormerTableAlone(string caches)
    {
        using var machine = new TableMachine(options: TableMachine.CachedBy(caches));
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.Maps(0x1_0123, Linear);

        // The page table moves; its former page becomes data, whose P is clear wherever it is read as entries.
        const ulong newTable = 0x9000;
        machine.SetEntry(newTable, 7, 0x2_0000 | Bit.Pwu);
        machine[2, 0] = newTable | Bit.Pwu;
        const ulong data = 0x5555_5555_5555_5554;
        for (int i = 0; i < 512; i++) machine[1, i] = data;

        Translation write = machine.Mmu.Translate(Linear, Access.Write);
        Assert.Equal(0x2_0123UL, write.Physical.Value);
        Assert.All(Enumerable.Range(0, 512), i => Assert.Equal(data, machine[1, i]));
        Assert.Equal(0x2_0000 | Bit.Pwu | Bit.A | Bit.D, machine.Entry(newTable, 7));
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule25_WriteThroughAChangedEntry_MarksTheNewEntryAndUsesIt(string caches)
    {
        using var machine = new TableMachine(options: TableMachine.CachedBy(caches));
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.Maps(0x1_0123, Linear);

        // D must be set before the write, so the entry is read again: the answer is the entry that was marked, never the remembered frame.
        machine[1, 7] = 0x2_0000 | Bit.Pwu;
        Assert.Equal(0x2_0123UL, machine.Mmu.Translate(Linear, Access.Write).Physical.Value);
        Assert.Equal(0x2_0000 | Bit.Pwu | Bit.A | Bit.D, machine[1, 7]);
    }

    [Theory]
    [InlineData(0x2_0000 | Bit.P)]
    [InlineData(0x2_0000)]
    [InlineData(0x2_0000 | Bit.Pw)]
    public void Rule25_EntryChangedBeforeItIsMarked_IsNotOverwritten(ulong changedTo)
    {
        using var race = new Race();
        race.BeforeSwap(Race.Leaf, () => race.Tables[Race.Leaf] = changedTo);
        WalkResult result = race.Walk(Linear, Access.Write);

        bool allowed = changedTo == (0x2_0000 | Bit.Pw);
        Assert.Equal(!allowed, result.Fault.IsFault);
        Assert.Equal(allowed ? changedTo | Bit.A | Bit.D : changedTo, race.Tables[Race.Leaf]);
    }

    [Fact]
    public void Rule26_LeafChangedBeforeItIsMarked_IsReadAgain()
    {
        using var race = new Race();
        race.BeforeSwap(Race.Leaf, () => race.Tables[Race.Leaf] = 0x2_0000 | Bit.Pwu);
        Assert.Equal(0x2_0000UL, race.Walk(Linear, Access.Write).Frame);
        Assert.Equal(0x2_0000 | Bit.Pwu | Bit.A | Bit.D, race.Tables[Race.Leaf]);
    }

    [Fact]
    public void Rule26_LeafChangedBeforeItIsMarked_SendsTheWalkBackToTheRoot()
    {
        // The other processor moved the whole page table: who only reads the leaf again finds a frame that is mapped nowhere.
        using var race = new Race();
        race.BeforeSwap(Race.Leaf, () =>
        {
            race.Tables[Race.Leaf] = 0x3_0000 | Bit.Pwu;
            race.Tables[0x2000] = 0x9000 | Bit.Pwu;
            race.Tables[0x9038] = 0x2_0000 | Bit.Pwu;
        });
        Assert.Equal(0x2_0000UL, race.Walk(Linear, Access.Write).Frame);
        Assert.Equal(0x3_0000 | Bit.Pwu, race.Tables[Race.Leaf]);
        Assert.Equal(0x2_0000 | Bit.Pwu | Bit.A | Bit.D, race.Tables[0x9038]);
    }

    [Theory]
    [InlineData(0x4000)]
    [InlineData(0x3000)]
    [InlineData(0x2000)]
    public void Rule26_UpperEntryChangedBeforeItIsMarked_SendsTheWalkBackToTheRoot(ulong entry)
    {
        using var race = new Race();
        race.BeforeSwap(entry, () => race.Tables[entry] = 0);
        WalkResult result = race.Walk(Linear, Access.Read);
        Assert.Equal(FaultReason.NotPresent, result.Fault.Reason);
        Assert.Equal((int)(entry >> 12), result.Fault.Level);
        Assert.Equal(0UL, race.Tables[entry]);
        Assert.Equal(0x1_0000 | Bit.Pwu, race.Tables[Race.Leaf]);
    }

    [Fact]
    public void Rule26_WalkFromARememberedTable_SaysThatItMustBeginAgain()
    {
        using var race = new Race();
        race.BeforeSwap(Race.Leaf, () => race.Tables[Race.Leaf] = 0x2_0000 | Bit.Pwu);
        WalkContext context = race.Context;
        var tables = new RacingTables(race);
        WalkPath path = default;
        var start = new WalkStart(0x1000, 1, PathRights.Unrestricted);
        bool done = PageWalker<Paging4Level>.TryWalk<RacingTables, RealAccess>(
            ref tables, in context, in start, Linear, Access.Write, Privilege.Supervisor, ref path, out _);
        Assert.False(done);
        Assert.Equal(0x2_0000 | Bit.Pwu, race.Tables[Race.Leaf]);
    }

    [Fact]
    public void Rule26_EntryThatChangesAHundredTimes_IsFollowedToTheEnd()
    {
        using var race = new Race();
        for (ulong i = 1; i <= 100; i++)
        {
            ulong frame = 0x2_0000 + (i << 12);
            race.BeforeSwap(Race.Leaf, () => race.Tables[Race.Leaf] = frame | Bit.Pwu);
        }

        Assert.Equal(0x2_0000UL + (100 << 12), race.Walk(Linear, Access.Write).Frame);
    }

    [Fact]
    public void Rule26_TwoLevelEntries_AreSwappedAsFourBytes()
    {
        using var race = new Race(twoLevel: true);
        race.Tables[0x101c] = 0x1_0000 | Bit.Pwu;
        race.Tables[0x1020] = 0xffff_fff8;
        race.BeforeSwap(0x101c, () => race.Tables[0x101c] = 0x2_0000 | Bit.Pwu);
        Assert.Equal(0x2_0000UL, race.Walk(Linear, Access.Write).Frame);
        Assert.Equal(0x2_0000 | Bit.Pwu | Bit.A | Bit.D, race.Tables[0x101c]);
        Assert.Equal(0xffff_fff8UL, race.Tables[0x1020]);
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule27_RefusedAccess_LeavesAccessedAndDirtyOfTheLeaf(string caches)
    {
        using var machine = new TableMachine(options: TableMachine.CachedBy(caches));
        machine.SetCr4(Cr4.SmepBit | Cr4.SmapBit | Cr4.PkeBit);
        machine.Mmu.WritePkru(0b11 << 10);
        Untouched(0x1_0000 | Bit.P, Access.Write, Privilege.Supervisor, Pf.P | Pf.W);
        Untouched(0x1_0000 | Bit.Pw, Access.Write, Privilege.User, Pf.P | Pf.W | Pf.U);
        Untouched(0x1_0000 | Bit.Pw | Bit.Xd, Access.Execute, Privilege.Supervisor, Pf.P | Pf.I);
        Untouched(0x1_0000 | Bit.Pwu, Access.Execute, Privilege.Supervisor, Pf.P | Pf.I);
        Untouched(0x1_0000 | Bit.Pwu, Access.Write, Privilege.Supervisor, Pf.P | Pf.W);
        Untouched(0x1_0000 | Bit.Pwu | Bit.Key(5), Access.Read, Privilege.User, Pf.P | Pf.U | Pf.Pk);
        Untouched(0x1_0000 | Bit.Pwu | (1UL << 50), Access.Write, Privilege.User, Pf.P | Pf.W | Pf.U | Pf.Rsvd);
        Untouched(0x1_0000 | Bit.W | Bit.U, Access.Write, Privilege.User, Pf.W | Pf.U);

        void Untouched(ulong leaf, Access access, Privilege privilege, int error)
        {
            machine[1, 7] = leaf;
            machine.Faults(error, Linear, access, privilege);
            Assert.Equal(leaf, machine[1, 7]);

            // Accessed may have been set by an access that was allowed; a refused write adds no dirty bit.
            machine[1, 7] = leaf | Bit.A;
            machine.Faults(error, Linear, access, privilege);
            Assert.Equal(leaf | Bit.A, machine[1, 7]);
        }
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule36_WriteAfterACachedRead_SetsDirtyOnceAndForAll(string caches)
    {
        foreach (PagingMode mode in (PagingMode[])[PagingMode.TwoLevel, PagingMode.Pae, PagingMode.FourLevel, PagingMode.FiveLevel])
        {
            using var machine = new TableMachine(mode, options: TableMachine.CachedBy(caches));
            machine[1, 7] = 0x1_0000 | Bit.Pwu;
            machine[2, 1] = 0x40_0000 | Bit.Ps | Bit.Pwu;
            ulong large = mode == PagingMode.TwoLevel ? 0x40_0123UL : 0x20_0123;
            machine.Maps(0x1_0123, Linear);
            machine.Maps(0x1_0123, Linear, Access.Execute);
            machine.Maps(0x40_0123, large);
            Assert.Equal(Bit.A, machine[1, 7] & (Bit.A | Bit.D));
            Assert.Equal(Bit.A, machine[2, 1] & (Bit.A | Bit.D));
            machine.Maps(0x1_0123, Linear, Access.Write);
            machine.Maps(0x40_0123, large, Access.Write);
            Assert.Equal(Bit.A | Bit.D, machine[1, 7] & (Bit.A | Bit.D));
            Assert.Equal(Bit.A | Bit.D, machine[2, 1] & (Bit.A | Bit.D));
        }
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule36_DirtyAndAccessedClearedByTheGuest_AreSetAgainAfterInvalidation(string caches)
    {
        using var machine = new TableMachine(options: TableMachine.CachedBy(caches));
        machine[1, 7] = 0x1_0000 | Bit.Pwu;
        machine.Maps(0x1_0123, Linear, Access.Write);
        for (int level = 1; level <= 4; level++) machine[level, level == 1 ? 7 : 0] &= ~(Bit.A | Bit.D);
        machine.Mmu.InvalidatePage(Linear);
        machine.Maps(0x1_0123, Linear, Access.Write);
        for (int level = 2; level <= 4; level++) Assert.Equal(Bit.A, machine[level, 0] & Bit.A);
        Assert.Equal(Bit.A | Bit.D, machine[1, 7] & (Bit.A | Bit.D));
    }

    [Theory]
    [MemberData(nameof(Caches))]
    public void Rule36_Caches_ChangeNeitherAnswersNorTables(string caches)
    {
        // Two machines, one of which walks every time, get the same accesses and register writes: answers, CR2 and every entry stay equal.
        var random = new Random(36);
        using var cached = new TableMachine(options: TableMachine.CachedBy(caches));
        using var plain = new TableMachine(options: TableMachine.CachedBy("no cache"));
        TableMachine[] both = [cached, plain];
        foreach (TableMachine machine in both) machine.SetCr4(Cr4.PkeBit | Cr4.PksBit | Cr4.CetBit);
        ulong[] linears = [.. Enumerable.Range(0, 24).Select(i => (ulong)i << 12), 0x20_0000, 0x21_0000, 0x3f_f000, 0x4000_0000, 0x7fff_f000];
        int ok = 0, refused = 0;
        for (int round = 0; round < 6_000; round++)
        {
            if (round % 50 == 0)
            {
                int[] seeds = [.. linears.Select(_ => random.Next())];
                foreach (TableMachine machine in both) Rewrite(machine, seeds);
            }

            uint keys = (uint)random.Next();
            ulong flags = random.Next(2) == 0 ? 0 : RFlags.AcBit;
            ulong toggle = random.Next(20) switch { 0 => Cr4.SmapBit, 1 => Cr4.SmepBit, 2 => Cr4.PkeBit, 3 => Cr4.CetBit, 4 => Cr4.PgeBit, _ => 0 };
            ulong linear = linears[random.Next(linears.Length)] + (ulong)random.Next(4096);
            var access = (Access)random.Next(5);
            var privilege = (Privilege)random.Next(3);
            foreach (TableMachine machine in both)
            {
                machine.Mmu.WritePkru(keys);
                machine.Mmu.SetRFlags(flags);
                if (toggle != 0) Assert.Equal(MmuFault.None, machine.Mmu.WriteCr4(machine.Mmu.State.Cr4.Value ^ toggle));
            }

            // Every other access moves data, and may cross into the next page.
            Translation answer = plain.Mmu.Translate(linear, access, privilege);
            Assert.Equal(answer, cached.Mmu.Translate(linear, access, privilege));
            if (round % 2 == 0) Assert.Equal(MoveData(plain, linear, access, privilege, (uint)round), MoveData(cached, linear, access, privilege, (uint)round));
            Assert.Equal(plain.Mmu.Cr2, cached.Mmu.Cr2);
            for (int level = 1; level <= 4; level++)
            {
                int size = level == 1 ? 24 : 2;
                for (int i = 0; i < size; i++) Assert.Equal(plain[level, i], cached[level, i]);
            }

            if (answer.Ok) ok++;
            else refused++;
        }

        Assert.InRange(ok, 1200, 4800);
        Assert.InRange(refused, 1200, 4800);

        static (bool, uint, MmuFault) MoveData(TableMachine machine, ulong linear, Access access, Privilege privilege, uint value)
        {
            machine.Mmu.SetCpl(privilege == Privilege.User ? 3 : 0);
            MmuFault fault;
            bool done = access == Access.Write
                ? machine.Mmu.TryWrite(linear, value, out fault)
                : machine.Mmu.TryRead(linear, out value, out fault);
            return (done, value, fault);
        }

        static void Rewrite(TableMachine machine, int[] seeds)
        {
            for (int i = 0; i < 24; i++)
            {
                var bits = new Random(seeds[i]);
                machine[1, i] = 0x10_0000 | ((ulong)i << 12) | ((ulong)bits.Next(1 << 9) & ~(Bit.A | Bit.D)) | (bits.Next(8) == 0 ? 0 : Bit.P)
                    | (bits.Next(4) == 0 ? Bit.Xd : 0) | Bit.Key(bits.Next(3)) | (bits.Next(3) == 0 ? Bit.D : 0);
            }

            machine[2, 0] = TableMachine.Table(1) | Bit.Pwu;
            machine[2, 1] = 0x60_0000 | Bit.Ps | ((ulong)seeds[24] & (Bit.W | Bit.U | Bit.G)) | Bit.P;
            machine[3, 0] = TableMachine.Table(2) | Bit.Pwu;
            machine[3, 1] = 0x8000_0000 | Bit.Ps | ((ulong)seeds[25] & (Bit.W | Bit.U | Bit.G)) | Bit.P;
            machine[4, 0] = TableMachine.Table(3) | Bit.Pwu;
            machine.Mmu.InvalidateAll();
        }
    }

    // Tables in a dictionary, where another processor gets between the walker's read and its compare-and-swap.
    private sealed class Race : IDisposable
    {
        public const ulong Leaf = 0x1038;
        private readonly bool _twoLevel;
        private readonly Queue<(ulong Address, Action Change)> _changes = new();

        public Race(bool twoLevel = false)
        {
            _twoLevel = twoLevel;
            Tables[0x4000] = 0x3000 | Bit.Pwu;
            Tables[0x3000] = 0x2000 | Bit.Pwu;
            Tables[0x2000] = 0x1000 | Bit.Pwu;
            Tables[Leaf] = 0x1_0000 | Bit.Pwu;
        }

        public Dictionary<ulong, ulong> Tables { get; } = [];

        public WalkContext Context => WalkContext.Create(new PagingState(TableMachine.Features46)
        {
            Cr0 = Cr0.PgBit | Cr0.PeBit | Cr0.WpBit,
            Cr3 = _twoLevel ? 0x2000UL : 0x4000,
            Cr4 = _twoLevel ? 0 : Cr4.PaeBit,
            Efer = _twoLevel ? 0 : Efer.LmeBit | Efer.LmaBit,
        });

        /// <summary>The change happens right before the next swap of this entry; several wait for one swap each.</summary>
        public void BeforeSwap(ulong address, Action change) => _changes.Enqueue((address, change));

        public WalkResult Walk(ulong linear, Access access)
        {
            WalkContext context = Context;
            var tables = new RacingTables(this);
            WalkPath path = default;
            WalkResult result;
            if (_twoLevel)
            {
                PageWalker<Paging2Level>.WalkFromRoot<RacingTables, RealAccess>(
                    ref tables, in context, linear, access, Privilege.Supervisor, ref path, out result);
            }
            else
            {
                PageWalker<Paging4Level>.WalkFromRoot<RacingTables, RealAccess>(
                    ref tables, in context, linear, access, Privilege.Supervisor, ref path, out result);
            }

            return result;
        }

        public bool Swap(ulong address, ulong expected, ulong value)
        {
            if (_changes.TryPeek(out (ulong Address, Action Change) next) && next.Address == address)
            {
                _changes.Dequeue();
                next.Change();
            }

            if (Tables[address] != expected) return false;
            Tables[address] = value;
            return true;
        }

        // A change that no swap ever met would make its test prove nothing.
        public void Dispose() => Assert.Empty(_changes);
    }

    private readonly struct RacingTables(Race race) : ITableMemory
    {
        public bool TryRead64(ulong address, out ulong value)
        {
            value = race.Tables.GetValueOrDefault(address);
            return true;
        }

        public bool TryRead32(ulong address, out uint value)
        {
            value = (uint)race.Tables.GetValueOrDefault(address);
            return true;
        }

        public bool CompareExchange64(ulong address, ulong expected, ulong value) => race.Swap(address, expected, value);

        public bool CompareExchange32(ulong address, uint expected, uint value) => race.Swap(address, expected, value);
    }
}
