using FastMmu.Processor;

namespace FastMmu.Tests.Verification;

/// <summary>
/// An MMU as somebody else might have written it, for a processor like a Zen 4: a plain walker and a list of cached pages. It is right, but for
/// the one flaw that it is asked to have.
/// </summary>
internal sealed class FlawedMmu(Flaw flaw) : IMmuUnderTest
{
    private const ulong P = 1, RW = 2, US = 4, A = 1 << 5, D = 1 << 6, PS = 1 << 7, G = 1 << 8, XD = 1UL << 63;
    private const ulong FrameBits = 0x000f_ffff_ffff_f000;

    private readonly Dictionary<ulong, uint> _memory = [];
    private readonly List<CachedPage> _cached = [];
    private PagingState _state;
    private PdpteRegisters _latePdptes;

    /// <summary>The words of memory that were ever written.</summary>
    public IEnumerable<uint> Memory => _memory.Values;

    private bool LongMode => _state.Efer.Lma;

    private bool TwoLevel => _state.Mode == PagingMode.TwoLevel;

    public void Reset(in PagingState state)
    {
        _state = state;
        _latePdptes = state.Pdptes;
        _cached.Clear();
    }

    public ulong ReadPhysical(ulong address, int bytes)
    {
        if (address >= 8 << 20) return bytes == 4 ? uint.MaxValue : ulong.MaxValue;
        ulong low = _memory.GetValueOrDefault(address);
        return bytes == 4 ? low : low | ((ulong)_memory.GetValueOrDefault(address + 4) << 32);
    }

    public void WritePhysical(ulong address, ulong value, int bytes)
    {
        if (address >= 8 << 20) return;
        _memory[address] = (uint)value;
        if (bytes == 8) _memory[address + 4] = (uint)(value >> 32);
    }

    public ObservedAnswer Access(in ReferenceAccess access)
    {
        if (flaw == Flaw.Throws && access.IsShadowStack) throw new InvalidOperationException("shadow stacks are not there yet");
        ulong linear = access.Linear;
        if (!LongMode)
        {
            if (flaw != Flaw.KeepsUpperHalfOutsideLongMode) linear = (uint)linear;
        }
        else if (flaw != Flaw.HasNoCanonicalCheck)
        {
            int unused = _state.Mode == PagingMode.FiveLevel ? 7 : 16;
            if ((ulong)((long)(linear << unused) >> unused) != linear)
            {
                return ObservedAnswer.Faulted(
                    access.ThroughStack ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0, flaw == Flaw.SetsCr2ForNonCanonical ? linear : null);
            }
        }

        if (_state.Mode == PagingMode.None) return ObservedAnswer.Translated(linear);
        foreach (CachedPage page in _cached)
        {
            if (!page.Serves(_state.Pcid, linear)) continue;
            if (access.IsWrite && !page.Dirty && flaw != Flaw.WritesThroughCleanCachedPages) continue;
            if (Refusal(access, page) is null) return ObservedAnswer.Translated(page.Physical + (linear - page.Linear));
        }

        return Walk(access, linear);
    }

    public bool Execute(in MmuInstruction instruction)
    {
        if (flaw == Flaw.ThrowsAtInstructions) throw new NotSupportedException("no instructions");
        ulong value = instruction.Operand;
        PagingState before = _state;
        switch (instruction.Kind)
        {
            case MmuInstructionKind.InvalidatePage:
                Invlpg(LongMode ? value : (uint)value);
                return true;
            case MmuInstructionKind.InvalidateProcessContext:
                return Invpcid(value, instruction.Context, instruction.Linear);
            case MmuInstructionKind.WriteCr0:
                _state.Cr0 = value;
                // CD, NW and PG.
                return flaw == Flaw.KeepsPdptesAtCr0 || ((value ^ before.Cr0.Value) & (7UL << 29)) == 0 || TryLoadPdptes(ref before);
            case MmuInstructionKind.WriteCr3:
                _state.Cr3 = LongMode ? value & ~(1UL << 63) : (uint)value;
                if (!TryLoadPdptes(ref before)) return false;
                bool keeps = flaw == Flaw.KeepsEverythingAtCr3 || (_state.Cr4.Pcide && value >> 63 == 1);
                if (!keeps) _cached.RemoveAll(page => !page.Global && page.Pcid == _state.Pcid);
                return true;
            case MmuInstructionKind.WriteCr4:
                _state.Cr4 = value;
                ulong turned = value ^ before.Cr4.Value;
                if ((turned & (Cr4.PgeBit | Cr4.PseBit | Cr4.SmepBit)) != 0 && !TryLoadPdptes(ref before)) return false;
                bool globals = flaw == Flaw.KeepsGlobalPagesWhenPgeTurns && (turned & Cr4.PgeBit) != 0;
                if ((turned & (Cr4.PgeBit | Cr4.PseBit | Cr4.SmepBit | Cr4.PcideBit)) != 0) _cached.RemoveAll(page => !globals || !page.Global);
                return true;
            case MmuInstructionKind.WriteEfer:
                _state.Efer = value;
                _cached.Clear();
                return true;
            case MmuInstructionKind.WritePkru:
                _state.Pkru = (uint)value;
                return true;
            case MmuInstructionKind.WritePkrs:
                return false;
            default:
                _state.RFlags = value;
                return true;
        }
    }

    private ObservedAnswer Walk(in ReferenceAccess access, ulong linear)
    {
        int bytes = TwoLevel ? 4 : 8, bits = TwoLevel ? 10 : 9;
        int level = _state.Mode switch { PagingMode.TwoLevel or PagingMode.Pae => 2, PagingMode.FourLevel => 4, _ => 5 };
        ulong table = _state.Cr3.Value & (LongMode ? FrameBits : 0xffff_f000);
        if (_state.Mode == PagingMode.Pae)
        {
            int quarter = (int)(linear >> 30) & 3;
            ulong pdpte = flaw switch
            {
                Flaw.ReadsPdptesFromMemory => ReadPhysical((_state.Cr3.Value & 0xffff_ffe0) + (8 * (ulong)quarter), 8),
                Flaw.LoadsPdptesLate => _latePdptes[quarter],
                _ => _state.Pdptes[quarter],
            };
            if ((pdpte & P) == 0) return Fault(access, linear, 0);
            table = pdpte & FrameBits;
        }

        List<(ulong Address, ulong Entry)> path = [];
        bool writable = true, user = true, noExecute = false;
        while (true)
        {
            int low = 12 + ((level - 1) * bits);
            ulong address = table + (((linear >> low) & ((1UL << bits) - 1)) * (ulong)bytes);
            ulong entry = ReadPhysical(address, bytes);
            if ((entry & P) == 0) return Fault(access, linear, 0);
            bool large = (entry & PS) != 0 && level is 2 or 3 && (!TwoLevel || _state.Cr4.Pse || flaw == Flaw.SeesLargePagesWithoutPse) && (level == 2 || LongMode)
                && (entry & PS) != 0;
            if (flaw != Flaw.IgnoresReservedBits && (entry & Reserved(level, large)) != 0)
            {
                return Fault(access, linear, flaw == Flaw.ReportsReservedWithoutPresent ? 8 : 9);
            }

            bool leaf = large || level == 1;
            if (leaf && flaw == Flaw.TakesRightsOfTheLeaf) (writable, user, noExecute) = (true, true, false);
            path.Add((address, entry));
            bool writableAbove = writable;
            writable &= (entry & RW) != 0;
            user &= (entry & US) != 0;
            noExecute |= !TwoLevel && (entry & XD) != 0;
            if (!leaf)
            {
                table = entry & (TwoLevel ? 0xffff_f000 : FrameBits);
                level--;
                continue;
            }

            ulong size = 1UL << low;
            var page = new CachedPage(
                linear & ~(size - 1), size, Frame(entry, low, level), _state.Pcid, writable, user, noExecute, (entry & G) != 0 && _state.Cr4.Pge,
                access.IsWrite || (entry & D) != 0, LongMode ? (int)(entry >> 59) & 15 : 0, writableAbove && (entry & (RW | D)) == D);
            return Finish(access, linear, page, path, bytes);
        }
    }

    private ObservedAnswer Finish(in ReferenceAccess access, ulong linear, CachedPage page, List<(ulong Address, ulong Entry)> path, int bytes)
    {
        int? refusal = Refusal(access, page);
        if (refusal is { } code && flaw != Flaw.MarksBeforeItRefuses) return Fault(access, linear, code);
        for (int i = 0; i < path.Count; i++)
        {
            // A table may contain itself: the entry is read again.
            ulong marked = ReadPhysical(path[i].Address, bytes);
            if (flaw != Flaw.NeverMarksAccessed) marked |= A;
            if (access.IsWrite && i == path.Count - 1 && flaw != Flaw.NeverMarksDirty) marked |= D;
            WritePhysical(path[i].Address, marked, bytes);
        }

        if (refusal is { } late) return Fault(access, linear, late);
        _cached.Add(page);
        return ObservedAnswer.Translated(page.Physical + (linear - page.Linear));
    }

    /// <summary>The error code's part that says why an access is refused, P above all; or null.</summary>
    private int? Refusal(in ReferenceAccess access, CachedPage page)
    {
        bool refused = access.IsUserMode && !page.User, byKey = false;
        if (access.IsFetch)
        {
            refused |= !access.IsUserMode && page.User && _state.Cr4.Smep && flaw != Flaw.ForgetsSmep;
            refused |= page.NoExecute && _state.Efer.Nxe && flaw != Flaw.IgnoresExecuteDisable;
        }
        else
        {
            bool protects = _state.Cr0.Wp && flaw != Flaw.IgnoresWriteProtect;
            if (access.IsShadowStack) refused |= !_state.Cr4.Cet || !page.ShadowStack || page.User != access.IsUserMode;
            else refused |= access.IsWrite && !page.Writable && (access.IsUserMode || protects);
            bool exempt = _state.RFlags.Ac && (access.Privilege == Privilege.Supervisor || flaw == Flaw.ExemptsImplicitAccesses);
            refused |= !access.IsUserMode && page.User && _state.Cr4.Smap && !exempt && flaw != Flaw.ForgetsSmap;
        }

        if ((!access.IsFetch || flaw == Flaw.AppliesKeysToFetches) && LongMode && page.User && _state.Cr4.Pke && flaw != Flaw.IgnoresProtectionKeys)
        {
            uint rights = _state.Pkru.Value >> (2 * page.Key);
            byKey = (rights & 1) != 0 || ((rights & 2) != 0 && access.IsWrite && (access.IsUserMode || _state.Cr0.Wp));
        }

        return refused || byKey ? 1 | (byKey ? 1 << 5 : 0) : null;
    }

    private ObservedAnswer Fault(in ReferenceAccess access, ulong linear, int code)
    {
        if (access.IsWrite) code |= 2;
        if (access.IsUserMode && flaw != Flaw.ForgetsUserBit) code |= 4;
        bool reports = _state.Cr4.Smep || (_state.Cr4.Pae && _state.Efer.Nxe) || flaw == Flaw.AlwaysReportsFetches;
        if (access.IsFetch && reports) code |= 1 << 4;
        if (access.IsShadowStack) code |= 1 << 6;
        if (flaw != Flaw.KeepsWhatFaulted) _cached.RemoveAll(page => page.Serves(_state.Pcid, linear) && page.Pcid == _state.Pcid);
        return ObservedAnswer.Faulted(ExceptionVector.PageFault, code, linear);
    }

    private ulong Reserved(int level, bool large)
    {
        ulong frame = 0x000f_ffff_ffff_ffff & ~((1UL << _state.Features.PhysicalAddressBits) - 1);
        if (TwoLevel) return large ? 1UL << 21 : 0;
        ulong reserved = frame | (_state.Mode == PagingMode.Pae ? 0x7ffUL << 52 : 0);
        if (!_state.Efer.Nxe && flaw != Flaw.IgnoresBit63WithoutNxe) reserved |= XD;
        if (level >= 4) reserved |= PS | G;
        if (large) reserved |= level == 2 ? 0x1f_e000UL : 0x3fff_e000UL;
        return reserved;
    }

    private ulong Frame(ulong entry, int low, int level)
    {
        ulong frame = entry & (TwoLevel ? 0xffff_f000 : FrameBits) & ~((1UL << low) - 1);
        if (level > 1 && flaw == Flaw.TakesPatAsAddress) frame |= entry & (1 << 12);
        return TwoLevel && level == 2 ? frame | (((entry >> 13) & (flaw == Flaw.TakesFourBitsOfPse36 ? 0xfUL : 0xff)) << 32) : frame;
    }

    private void Invlpg(ulong linear)
    {
        if (flaw == Flaw.IgnoresInvlpg) return;
        bool small = flaw == Flaw.DropsOneSmallPageOfALargeOne;
        _cached.RemoveAll(page => page.Serves(_state.Pcid, linear) && (!small || linear - page.Linear < 4096));
    }

    private bool Invpcid(ulong type, ulong context, ulong linear)
    {
        ulong pcid = context & 0xfff;
        ulong upper = ulong.MaxValue << 56;
        if (type > 3 || context > 0xfff || (type <= 1 && pcid != 0 && !_state.Cr4.Pcide)) return false;
        if (type == 0 && (linear & upper) != 0 && (linear & upper) != upper) return false;
        if (flaw == Flaw.IgnoresInvpcid) return true;
        _cached.RemoveAll(page => type switch
        {
            0 => !page.Global && page.Pcid == (int)pcid && linear - page.Linear < page.Size,
            1 => !page.Global && page.Pcid == (int)pcid,
            2 => true,
            _ => !page.Global,
        });
        return true;
    }

    private bool TryLoadPdptes(ref PagingState before)
    {
        if (_state.Mode != PagingMode.Pae) return true;
        _latePdptes = before.Pdptes;
        PdpteRegisters loaded = default;
        for (int i = 0; i < 4; i++)
        {
            ulong pdpte = ReadPhysical((_state.Cr3.Value & 0xffff_ffe0) + (8 * (ulong)i), 8);
            ulong reserved = 0x1e6 | (ulong.MaxValue << _state.Features.PhysicalAddressBits);
            if ((pdpte & P) != 0 && (pdpte & reserved) != 0 && flaw != Flaw.AcceptsAnyPdpte)
            {
                _state = before;
                return false;
            }

            loaded[i] = pdpte;
        }

        _state.Pdptes = loaded;
        return true;
    }

    private sealed record CachedPage(
        ulong Linear, ulong Size, ulong Physical, int Pcid, bool Writable, bool User, bool NoExecute, bool Global, bool Dirty, int Key, bool ShadowStack)
    {
        public bool Serves(int pcid, ulong linear) => (Global || Pcid == pcid) && linear - Linear < Size;
    }
}
