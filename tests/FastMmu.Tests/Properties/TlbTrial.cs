using System.Buffers.Binary;
using FastMmu.Processor;
using FastMmu.Reference;
using FastMmu.Tests.Generators;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>
/// Runs a program on an engine with caches, and asks of each answer whether the architecture permits it. The engine promises more than the
/// architecture: it never raises a fault that its tables do not contain at that moment.
/// </summary>
internal sealed class TlbTrial : IDisposable
{
    private readonly NumberedMemory _memory;
    private readonly GuestReferenceMemory _reference;
    private readonly TlbProgram _program;
    private readonly ReferenceTlb _tlb;
    private readonly Mmu _mmu;
    private uint _writes;

    public TlbTrial(NumberedMemory memory, TlbProgram program)
    {
        _memory = memory;
        _program = program;
        memory.Load(program.Words);
        _reference = new GuestReferenceMemory(memory.Guest);
        // PDPTEs that are read on demand have no accessed bit, but a table that is also a PDPT would need one there.
        bool marked = !program.State.Features.PdptesReadOnDemand;
        _tlb = new ReferenceTlb(_reference, SpuriousFaults.None, entriesAreMarked: marked);
        _mmu = new Mmu(memory.Guest, program.State.Features, program.Choice.Options());
    }

    /// <summary>How many translations were judged.</summary>
    public long Judged { get; private set; }

    /// <summary>How many answers were not those of a full walk.</summary>
    public long Stale { get; private set; }

    public void Run()
    {
        PagingState state = _program.State;
        if (ReferencePdptes.LoadedByCr3Write(state) && !ReferencePdptes.TryLoad(ref state, _reference)) return;
        Assert.Equal(MmuFault.None, _mmu.LoadState(_program.State));
        for (int i = 0; i < _program.Steps.Count; i++)
        {
            if (Do(_program.Steps[i]) is { } mistake) Assert.Fail($"step {i}, {_program.Steps[i]}: {mistake}");
        }
    }

    public void Dispose() => _mmu.Dispose();

    /// <summary>Makes one step; what is wrong with it, or null.</summary>
    private string? Do(TlbStep step)
    {
        FreezePdptes();
        return step switch
        {
            TlbStep.Poke poke => Poke(poke.Word),
            TlbStep.Touch touch => Touch(touch.Access),
            TlbStep.Look look => Look(look.Access),
            TlbStep.Move { Kind: Transfer.Fetch } fetch => Fetch(fetch.Linear),
            TlbStep.Move { Kind: Transfer.Write } write => Store(write.Linear),
            TlbStep.Move move => Load(move.Linear, move.Kind),
            TlbStep.Batch batch => Batch(batch),
            TlbStep.Invlpg invlpg => Invlpg(invlpg.Linear),
            TlbStep.Invpcid invpcid => Invpcid(invpcid),
            TlbStep.Write write => Write(write.Register, write.Value),
            TlbStep.Flip flip => Write(flip.Register, Current(flip.Register) ^ flip.Bits),
            TlbStep.Again again => Again(again),
            _ => throw new InvalidOperationException($"{step}"),
        };
    }

    private string? Poke(TableWord word)
    {
        _memory.Poke(word);
        return null;
    }

    private string? Touch(in ReferenceAccess access)
    {
        ulong cr2 = _mmu.Cr2;
        Translation answer = _mmu.Translate(access.Linear, access.Kind, access.Privilege, access.ThroughStack);
        ulong expected = answer.Fault.Vector == ExceptionVector.PageFault ? answer.Fault.Address : cr2;
        return _mmu.Cr2 == expected ? Judge(access, ObservedAnswer.From(answer)) : $"CR2 is 0x{_mmu.Cr2:x}, not 0x{expected:x}";
    }

    private string? Look(in ReferenceAccess access)
    {
        Translation answer = _mmu.Probe(access.Linear, access.Kind, access.Privilege, access.ThroughStack);
        return MachinePair.Difference(FullWalk(access), answer);
    }

    private string? Load(ulong linear, Transfer kind)
    {
        bool done = kind == Transfer.ReadForUpdate
            ? _mmu.TryReadForUpdate(linear, out ulong value, out MmuFault fault)
            : _mmu.TryRead(linear, out value, out fault);
        Access access = kind == Transfer.ReadForUpdate ? Access.Write : Access.Read;
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return JudgeParts(linear, 8, access, done, fault, done ? Locate(bytes, linear) : default);
    }

    private string? Fetch(ulong linear)
    {
        // Aligned to four bytes, so that each part says where it came from.
        linear &= ~3UL;
        Span<byte> bytes = stackalloc byte[16];
        int count = _mmu.Fetch(linear, bytes, out MmuFault fault);
        if (fault.IsFault == (count == 16)) return $"{count} bytes fetched with {fault}";
        bytes[count..].Clear();
        ulong?[] physical = Locate(bytes, linear);
        for (int part = 0, at = 0; at < 16; part++)
        {
            ReferenceAccess access = new(linear + (ulong)at, Access.Execute, _mmu.State.CurrentPrivilege);
            int length = PartLength(access.Linear, 16 - at);
            if (at >= count)
            {
                // What was not delivered to the program drops nothing in the reference, so it is looked at and not observed.
                return at == count ? Verdict(_tlb.Permits(_mmu.State, access, Observed(fault))) : $"{count} bytes fetched, and a page ends at {at}";
            }

            if (JudgeReached(access, physical[part]) is { } mistake) return mistake;
            at += length;
        }

        return null;
    }

    private string? Store(ulong linear)
    {
        Span<byte> bytes = stackalloc byte[8];
        _writes++;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, 0xd000_0000 | _writes);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], 0xe000_0000 | _writes);
        int first = PartLength(linear, 8);
        int offset = (int)linear & 0xfff;
        byte[] column = _memory.Column(offset, first);
        byte[] next = first < 8 ? _memory.Column(0, 8 - first) : [];
        bool done = _mmu.TryWrite(linear, BinaryPrimitives.ReadUInt64LittleEndian(bytes), out MmuFault fault);
        var physical = new ulong?[2];
        physical[0] = _memory.TakeBack(bytes[..first], offset, column);
        if (first < 8) physical[1] = _memory.TakeBack(bytes[first..], 0, next);
        ulong?[] written = [.. physical];
        for (int part = 0; part < 2 && done; part++)
        {
            // The page's own table, or the other page's: what was put back there has lost the flags that the walk set.
            ulong at = part == 0 ? linear : linear + (ulong)first;
            ReferenceAnswer walk = FullWalk(new ReferenceAccess(at, Access.Write, _mmu.State.CurrentPrivilege));
            if (walk.Entries.Any(entry => IsIn(entry.Address, written[0], first) || IsIn(entry.Address, written[1], 8 - first))) physical[part] = null;
        }

        return fault.IsFault && (physical[0] ?? physical[1]) is { } changed
            ? $"{fault}, and 0x{changed:x} was written"
            : JudgeParts(linear, 8, Access.Write, done, fault, physical);
    }

    // Whether a word lies in some bytes, or in part.
    private static bool IsIn(ulong word, ulong? bytes, int length) => bytes is { } start && word >> 3 >= start >> 3 && word >> 3 <= (start + (ulong)length - 1) >> 3;

    private string? Batch(TlbStep.Batch batch)
    {
        ulong[] linear = [.. batch.Linear];
        ulong[] physical = batch.InPlace ? linear : new ulong[linear.Length];
        ulong cr2 = _mmu.Cr2;
        BatchResult result = _mmu.TranslateBatch(linear, physical, batch.Kind, batch.Privilege);
        int faulted = physical.Count(lane => lane == BatchResult.FaultedLane);
        int first = Array.IndexOf(physical, BatchResult.FaultedLane);
        if (result != new BatchResult(linear.Length - faulted, faulted, first)) return $"{result} of {faulted} lanes that faulted, the first {first}";
        if (_mmu.Cr2 != cr2) return $"CR2 became 0x{_mmu.Cr2:x}";

        // Lanes are in no particular order. Their faults are reported and not delivered: they drop nothing in the reference, so they are looked at
        // and not observed, and the tables on the way to them may be remembered.
        HashSet<(ulong Page, ulong Physical)> judged = [];
        for (int lane = 0; lane < physical.Length; lane++)
        {
            if (physical[lane] == BatchResult.FaultedLane || !judged.Add((batch.Linear[lane] >> 12, physical[lane] - batch.Linear[lane]))) continue;
            if (Judge(Lane(batch, lane), ObservedAnswer.Translated(physical[lane])) is { } mistake) return $"lane {lane} (0x{batch.Linear[lane]:x}): {mistake}";
        }

        if (faulted == 0) return null;
        for (int lane = 0; lane < physical.Length; lane++)
        {
            if (physical[lane] != BatchResult.FaultedLane || !judged.Add((batch.Linear[lane] >> 12, BatchResult.FaultedLane))) continue;
            ReferenceAnswer expected = FullWalk(Lane(batch, lane));
            if (expected.Fault is null) expected = AfterOthers(Lane(batch, lane));
            if (expected.Fault is null) return $"lane {lane} (0x{batch.Linear[lane]:x}) faulted, but a walk gives {expected}";
            _tlb.MayHaveWalkedInVain(_mmu.State, batch.Linear[lane]);
            Judged++;
        }

        return null;
    }

    private string? Invlpg(ulong linear)
    {
        _mmu.InvalidatePage(linear);
        _tlb.InvalidatePage(_mmu.State, linear);
        return null;
    }

    private string? Invpcid(TlbStep.Invpcid step)
    {
        MmuFault fault = _mmu.InvalidatePcid(step.Type, step.Context, step.Linear);
        bool accepted = _tlb.InvalidateProcessContext(_mmu.State, step.Type, step.Context, step.Linear);
        ExceptionVector expected = accepted ? ExceptionVector.None : ExceptionVector.GeneralProtection;
        return fault.Vector == expected ? null : $"{fault}, expected {expected}";
    }

    private string? Write(Register register, ulong value)
    {
        PagingState before = _mmu.State;
        MmuFault fault = MmuFault.None;
        switch (register)
        {
            case Register.Cr0:
                fault = _mmu.WriteCr0(value);
                break;
            case Register.Cr3:
                fault = _mmu.WriteCr3(value);
                break;
            case Register.Cr4:
                fault = _mmu.WriteCr4(value);
                break;
            case Register.Efer:
                fault = _mmu.WriteEfer(value);
                break;
            case Register.Pkru:
                _mmu.WritePkru((uint)value);
                break;
            case Register.Pkrs:
                fault = _mmu.WritePkrs(value);
                break;
            case Register.RFlags:
                _mmu.SetRFlags(value);
                break;
            default:
                _mmu.SetCpl((int)value);
                break;
        }

        if (fault.IsFault) return Current(register) == Value(before, register) ? null : $"{fault}, and the register changed";
        if (register == Register.Cr3) _tlb.WriteCr3(before, value);
        else if (register is Register.Cr0 or Register.Cr4) _tlb.WriteControlRegister(before, _mmu.State);
        return CheckPdptes(before, register);
    }

    private string? CheckPdptes(PagingState before, Register register)
    {
        PagingState after = _mmu.State;
        bool loaded = register switch
        {
            Register.Cr0 => ReferencePdptes.LoadedByCr0Write(before, after),
            Register.Cr3 => ReferencePdptes.LoadedByCr3Write(after),
            Register.Cr4 => ReferencePdptes.LoadedByCr4Write(before, after),
            _ => false,
        };
        if (!loaded) return null;
        PagingState expected = after;
        if (!ReferencePdptes.TryLoad(ref expected, _reference)) return "PDPTEs with reserved bits were loaded";
        for (int i = 0; i < 4; i++)
        {
            if (expected.Pdptes[i] != after.Pdptes[i]) return $"PDPTE {i} is 0x{after.Pdptes[i]:x}, not 0x{expected.Pdptes[i]:x}";
        }

        return null;
    }

    private string? Again(TlbStep.Again step)
    {
        string? mistake = null;
        for (int i = 0; i < step.Times && mistake is null; i++) mistake = Do(step.Step);
        return mistake;
    }

    private ulong Current(Register register) => Value(_mmu.State, register);

    private static ulong Value(in PagingState state, Register register) => register switch
    {
        Register.Cr0 => state.Cr0.Value,
        Register.Cr3 => state.Cr3.Value,
        Register.Cr4 => state.Cr4.Value,
        Register.Efer => state.Efer.Value,
        Register.Pkru => state.Pkru.Value,
        Register.Pkrs => state.Pkrs.Value,
        Register.RFlags => state.RFlags.Value,
        _ => (ulong)state.Cpl,
    };

    /// <summary>Judges an access of the running program that may lie in two pages.</summary>
    private string? JudgeParts(ulong linear, int length, Access kind, bool done, MmuFault fault, ReadOnlySpan<ulong?> physical)
    {
        if (done == fault.IsFault) return $"done: {done}, and {fault}";
        Privilege privilege = _mmu.State.CurrentPrivilege;
        var first = new ReferenceAccess(linear, kind, privilege);
        var last = new ReferenceAccess(linear + (ulong)length - 1, kind, privilege);
        bool misaligned = _mmu.State is { Cr0.Am: true, RFlags.Ac: true, Cpl: 3 } && linear % (ulong)length != 0;
        if (fault.Vector == ExceptionVector.AlignmentCheck)
        {
            return misaligned && FullWalk(first).Ok && FullWalk(last).Ok ? null : $"{fault} of {(misaligned ? "a mis" : "an ")}aligned access";
        }

        if (done && misaligned) return "no alignment check";
        if (fault.IsFault && fault.Vector != ExceptionVector.PageFault)
        {
            // What an address itself has wrong comes before all paging, whichever of the two parts has it.
            Verdict ofFirst = _tlb.Permits(_mmu.State, first, Observed(fault));
            return ofFirst.IsPermitted ? null : Verdict(_tlb.Permits(_mmu.State, last, Observed(fault)));
        }

        for (int part = 0, at = 0; at < length; part++)
        {
            ReferenceAccess access = first with { Linear = linear + (ulong)at };
            int next = at + PartLength(access.Linear, length - at);
            if (fault.IsFault && (next == length || IsInPage(fault.Address, access.Linear)))
            {
                if (part != 0 && FullWalk(access).Ok) FreezePdptes();
                return Judge(access, Observed(fault));
            }

            // A part that was reached before the next one refused: it moved no byte, but may be cached.
            if (fault.IsFault) _tlb.MayHaveWalked(_mmu.State, access.Linear, access.Kind == Access.Write);
            else if (JudgeReached(access, physical[part]) is { } mistake) return mistake;
            at = next;
        }

        return null;
    }

    // LAM removes the tag from what CR2 receives; below it the page is the same.
    private static bool IsInPage(ulong address, ulong linear) => ((address ^ linear) << 16) >> 28 == 0;

    private string? JudgeReached(in ReferenceAccess access, ulong? physical)
    {
        if (physical is { } address) return Judge(access, ObservedAnswer.Translated(address));
        // ROM takes no byte, holes have none, and tables carry no number.
        _tlb.MayHaveWalked(_mmu.State, access.Linear, access.Kind == Access.Write);
        return null;
    }

    private string? Judge(in ReferenceAccess access, in ObservedAnswer answer) => Verdict(_tlb.Observe(_mmu.State, access, answer));

    private string? Verdict(Verdict verdict)
    {
        Judged++;
        if (!verdict.Explanation.StartsWith("a full walk", StringComparison.Ordinal)) Stale++;
        return verdict.IsPermitted ? null : verdict.Explanation;
    }

    private ReferenceAnswer FullWalk(in ReferenceAccess access) => ReferenceWalker.Translate(_mmu.State, _reference, access, updateEntries: false);

    // What a walk gives that sees the flags which the access's other lanes have set.
    private ReferenceAnswer AfterOthers(in ReferenceAccess access)
    {
        FreezePdptes();
        return FullWalk(access);
    }

    private void FreezePdptes()
    {
        if (_mmu.Mode == PagingMode.Pae && _mmu.Features.PdptesReadOnDemand) _reference.Freeze(_mmu.State.Cr3.PdptBase.Value);
        else _reference.Thaw();
    }

    private static ReferenceAccess Lane(TlbStep.Batch batch, int lane) => new(batch.Linear[lane], batch.Kind, batch.Privilege);

    private static ObservedAnswer Observed(MmuFault fault) =>
        ObservedAnswer.Faulted(fault.Vector, fault.ErrorCode, fault.Vector == ExceptionVector.PageFault ? fault.Address : null);

    private static int PartLength(ulong linear, int length) => Math.Min(length, 4096 - (int)(linear & 0xfff));

    private static ulong?[] Locate(ReadOnlySpan<byte> bytes, ulong linear)
    {
        var physical = new ulong?[2];
        for (int part = 0, at = 0; at < bytes.Length; part++)
        {
            physical[part] = NumberedMemory.WhereFrom(bytes[at..], (int)(linear + (ulong)at) & 0xfff);
            at += PartLength(linear + (ulong)at, bytes.Length - at);
        }

        return physical;
    }
}
