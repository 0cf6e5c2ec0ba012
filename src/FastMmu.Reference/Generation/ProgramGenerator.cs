using FastMmu.Processor;

namespace FastMmu.Reference.Generation;

/// <summary>What kernels and programs do: use pages, change entries, invalidate in one of many ways or not at all, write registers, use the pages again.</summary>
internal sealed class ProgramGenerator
{
    private static readonly ulong[] s_pcids = [0, 1, 2, 4095];

    private readonly EdgeRandom _random;
    private readonly TableBuilder _builder;
    private readonly TableRoom _room;
    private readonly IReadOnlyList<ulong> _pages;
    private readonly List<ConformanceStep> _steps = [];
    private PagingState _state;

    public ProgramGenerator(EdgeRandom random, in PagingState state, TableBuilder builder, TableRoom room, IReadOnlyList<ulong> pages)
    {
        _random = random;
        _state = state;
        _builder = builder;
        _room = room;
        _pages = pages;
    }

    /// <summary>Accesses alone.</summary>
    public IReadOnlyList<ConformanceStep> Accesses(int count)
    {
        for (int i = 0; i < count; i++) _steps.Add(new(AnyAccess()));
        return _steps;
    }

    /// <summary>Accesses, and what happens between them.</summary>
    public IReadOnlyList<ConformanceStep> Steps(int count)
    {
        while (_steps.Count < count)
        {
            if (_random.OneIn(8) && _builder.Words.Count > 0) AddChangeOfAPage();
            else if (_random.OneIn(12)) AddChangeOfRights();
            else AddStep();
        }

        return _steps;
    }

    private void AddStep()
    {
        switch (_random.Below(100))
        {
            case < 56:
                _steps.Add(new(AccessToAPage()));
                break;
            case < 70:
                if (_builder.Words.Count > 0) AddEdit(_random.Below(_builder.Words.Count));
                break;
            case < 79:
                ulong linear = _random.OneIn(12) ? _random.Word() : _random.Among(_pages) + _random.Pick<ulong>(0, 0, 0x123, 0x1f_f000);
                Execute(MmuInstructionKind.InvalidatePage, linear);
                break;
            case < 82 when _state.Features.Invpcid:
                AddInvpcid();
                break;
            case < 88:
                Execute(MmuInstructionKind.WriteCr3, Cr3());
                break;
            case < 91:
                AddKeys();
                break;
            case < 93:
                Flip(MmuInstructionKind.WriteRFlags, RFlags.AcBit);
                break;
            case < 97:
                Flip(MmuInstructionKind.WriteCr4, _random.Pick(
                    Cr4.PgeBit, Cr4.PgeBit, Cr4.SmepBit, Cr4.SmepBit, Cr4.SmapBit, Cr4.SmapBit, Cr4.PkeBit, Cr4.PksBit, Cr4.CetBit, Cr4.PseBit,
                    Cr4.PcideBit, Cr4.LassBit, Cr4.LamSupBit));
                break;
            case < 99:
                Flip(MmuInstructionKind.WriteCr0, _random.Pick(Cr0.WpBit, Cr0.WpBit, Cr0.CdBit));
                break;
            default:
                Flip(MmuInstructionKind.WriteEfer, Efer.NxeBit);
                break;
        }
    }

    private ReferenceAccess AccessToAPage()
    {
        ReferenceAccess access = AnyAccess();
        return _random.OneIn(8) ? access : access with { Linear = _random.Among(_pages) + LinearGenerator.Offset(_random) };
    }

    private ReferenceAccess AnyAccess()
    {
        bool shadowStack = _state.Features.ShadowStacks && _random.OneIn(_state.Cr4.Cet ? 4 : 16);
        Access kind = shadowStack
            ? _random.Pick(Access.ShadowStackRead, Access.ShadowStackWrite)
            : _random.Pick(Access.Read, Access.Write, Access.Execute);
        Privilege privilege = _random.Pick(
            Privilege.User, Privilege.User, Privilege.User, Privilege.Supervisor, Privilege.Supervisor, Privilege.ImplicitSupervisor);
        return new ReferenceAccess(LinearGenerator.Near(_random, in _state, _pages), kind, privilege, _random.OneIn(8));
    }

    // What kernels do all day, in an order that leaves nothing to chance: use a page, perhaps go elsewhere, change an entry on its path, invalidate in
    // one of the many ways, perhaps come back, and use it again as before.
    private void AddChangeOfAPage()
    {
        ulong page = _random.Among(_pages);
        ulong root = _room.Root(_random.Below(_room.Roots));
        ulong here = root, elsewhere = root;
        if (_state.Cr4.Pcide)
        {
            here |= _random.Among(s_pcids) | Cr3Keep;
            elsewhere |= _random.Among(s_pcids) | Cr3Keep;
        }

        List<int> path = _builder.Path(root, page);
        if (path.Count == 0) return;
        int number = _random.OneIn(3) ? _random.Among(path) : path[^1];
        ReferenceAccess use = AnyAccess() with { Linear = page };
        bool leaves = _random.OneIn(2);
        Execute(MmuInstructionKind.WriteCr3, here);
        _steps.Add(new(use));
        if (leaves) Execute(MmuInstructionKind.WriteCr3, elsewhere);
        AddEdit(number);
        switch (_random.Below(8))
        {
            case 0 when _state.Features.Invpcid:
                _steps.Add(new(new MmuInstruction(MmuInstructionKind.InvalidateProcessContext, (ulong)_random.Below(4), here & 0xfff, page)));
                break;
            case 1:
                Execute(MmuInstructionKind.WriteCr3, (leaves ? elsewhere : here) & ~Cr3Keep);
                break;
            case 2 when _state.Mode == PagingMode.Pae && _random.OneIn(3):
                // Caching has nothing to do with translation, but for the PDPTEs, which are loaded then.
                Flip(MmuInstructionKind.WriteCr0, Cr0.CdBit);
                break;
            case 2:
                Flip(MmuInstructionKind.WriteCr4, _random.Pick(Cr4.PgeBit, Cr4.PgeBit, Cr4.PgeBit, Cr4.SmepBit, Cr4.PcideBit));
                break;
            case 3:
                break;
            default:
                // Any page of the program: what is dropped of tables is dropped for all of them.
                Execute(MmuInstructionKind.InvalidatePage, _random.Pick(page, page, page + 0x1f_f000, _random.Among(_pages)));
                break;
        }

        if (leaves) Execute(MmuInstructionKind.WriteCr3, here);
        _steps.Add(new(use));
    }

    // The same use before and after a register changed that rights depend on, and after it changed back.
    private void AddChangeOfRights()
    {
        ReferenceAccess use = AnyAccess() with { Linear = _random.Among(_pages) };
        _steps.Add(new(use));
        (MmuInstructionKind kind, ulong bits) = _random.Below(5) switch
        {
            0 => (MmuInstructionKind.WriteRFlags, RFlags.AcBit),
            1 => (MmuInstructionKind.WriteCr0, Cr0.WpBit),
            2 => (MmuInstructionKind.WritePkru, RegisterChoice.KeyRights(_random)),
            3 => (MmuInstructionKind.WritePkrs, RegisterChoice.KeyRights(_random)),
            _ => (MmuInstructionKind.WriteCr4, _random.Pick(Cr4.SmepBit, Cr4.SmapBit, Cr4.PkeBit, Cr4.PksBit, Cr4.CetBit)),
        };
        Flip(kind, bits);
        _steps.Add(new(use));
        Flip(kind, bits);
        _steps.Add(new(use));
    }

    private void AddEdit(int number)
    {
        TableWord word = _builder.Words[number];
        if (!_room.Holds(word.Address)) return;
        ulong value = _random.Below(8) switch
        {
            0 => 0,
            1 => _builder.Bent(number).Value,
            2 => word.Value,
            3 => word.Value ^ 2,
            4 => word.Value ^ 4,
            5 => word.Value & ~0x60UL,
            _ => _builder.Entry(word.Level),
        };
        _steps.Add(new(word with { Value = word.Bytes == 4 ? (uint)value : value }));
    }

    private void AddInvpcid()
    {
        ulong type = _random.OneIn(16) ? _random.Word() : (ulong)_random.Below(4);
        ulong context = _random.OneIn(16) ? _random.Word() : _random.Among(s_pcids);
        ulong linear = _random.OneIn(8) ? _random.Word() : _random.Among(_pages) + _random.Pick<ulong>(0, 0xfff);
        _steps.Add(new(new MmuInstruction(MmuInstructionKind.InvalidateProcessContext, type, context, linear)));
    }

    private void AddKeys()
    {
        if (_state.Features.Pks && _random.OneIn(2)) Execute(MmuInstructionKind.WritePkrs, RegisterChoice.KeyRights(_random));
        else if (_state.Features.Pku) Execute(MmuInstructionKind.WritePkru, RegisterChoice.KeyRights(_random));
    }

    private void Flip(MmuInstructionKind kind, ulong bits) => Execute(kind, RegisterWrites.Value(in _state, kind) ^ bits);

    // A register write that no processor accepts is not made at all.
    private void Execute(MmuInstructionKind kind, ulong operand)
    {
        var instruction = new MmuInstruction(kind, operand);
        if (kind == MmuInstructionKind.InvalidatePage || RegisterWrites.TryApply(ref _state, instruction)) _steps.Add(new(instruction));
    }

    private const ulong Cr3Keep = 1UL << 63;

    private ulong Cr3()
    {
        ulong value = _room.Root(_random.Below(_room.Roots));
        if (!_state.Efer.Lma) return value;
        if (_state.Cr4.Pcide) value |= _random.Among(s_pcids) | _random.Bit(63, 2);
        if (_state.Features.Lam) value |= _random.Bit(61, 8) | _random.Bit(62, 8);
        return value;
    }
}
