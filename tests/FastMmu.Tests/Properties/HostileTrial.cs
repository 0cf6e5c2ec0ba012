using FastMmu.Addresses;
using FastMmu.Memory;
using FastMmu.Paging.Mapping;
using FastMmu.Processor;
using FastMmu.Segmentation;
using FastMmu.Tests.Generators;
using Xunit;

namespace FastMmu.Tests.Properties;

/// <summary>
/// Does everything that can be done to a hostile machine and looks after each step which bytes of its memory changed. The memory lies between
/// inaccessible pages, as do the spans given to batches, and its holes are inaccessible too: the process does not survive an access outside.
/// </summary>
internal sealed class HostileTrial : IDisposable
{
    private const byte Written = 0xee;
    private const byte AccessedOrDirty = 0x60;

    // Descriptors: the accessed bit of a segment, the busy bit of a TSS.
    private const byte AccessedOrBusySegment = 0x03;
    private const int Enough = 500;

    private readonly HostileMachine _machine;
    private readonly PhysicalMemory _memory;
    private readonly Mmu _mmu;
    private readonly GuardedBuffer _lanes;
    private readonly byte[][] _before;
    private readonly byte[] _bytes = new byte[70_000];

    public HostileTrial(HostileMachine machine, GuardedBuffer lanes)
    {
        _machine = machine;
        _lanes = lanes;
        _memory = new PhysicalMemory(machine.Ranges, hugePages: false);
        _before = [.. machine.Ranges.Select((_, i) => machine.Contents(i))];
        for (int i = 0; i < _before.Length; i++) _before[i].CopyTo(Bytes(i));
        _mmu = new Mmu(_memory, machine.State.Features, machine.Choice.Options());
        // A machine whose PDPTEs cannot be loaded goes on without paging.
        _ = _mmu.LoadState(machine.State);
        _bytes.AsSpan().Fill(Written);
    }

    public void Run()
    {
        for (int i = 0; i < _machine.Steps.Count; i++)
        {
            HostileStep step = _machine.Steps[i];
            Do(step);
            CheckMemory(step, i);
        }
    }

    public void Dispose()
    {
        _mmu.Dispose();
        _memory.Dispose();
    }

    private void Do(in HostileStep step)
    {
        Span<byte> bytes = _bytes.AsSpan(0, step.Length);
        var register = (SegmentRegister)(step.Second % 6);
        switch (step.Verb)
        {
            case HostileVerb.Translate:
                _ = _mmu.Translate(step.First, step.Kind, step.Privilege, step.Second % 2 == 0);
                break;
            case HostileVerb.Probe:
                _ = _mmu.Probe(step.First, step.Kind, step.Privilege, step.Second % 2 == 0);
                break;
            case HostileVerb.Batch:
                Batch(step);
                break;
            case HostileVerb.Read:
                byte[] read = new byte[step.Length];
                _ = _mmu.TryRead(step.First, read, out _);
                break;
            case HostileVerb.Write:
                _ = _mmu.TryWrite(step.First, bytes, out _);
                break;
            case HostileVerb.ReadValue:
                _ = _mmu.TryRead(step.First, out ulong _, out _);
                _ = _mmu.TryRead(step.First, out Int128 _, out _);
                _ = _mmu.TryReadForUpdate(step.First, out ushort _, out _);
                break;
            case HostileVerb.WriteValue:
                _ = _mmu.TryWrite(step.First, 0xeeee_eeee_eeee_eeee, out _);
                _ = _mmu.TryWrite(step.First, (ushort)0xeeee, out _);
                break;
            case HostileVerb.Fetch:
                byte[] code = new byte[Math.Min(step.Length, 64)];
                _ = _mmu.Fetch(step.First, code, out MmuFault fault);
                _mmu.RaiseFetchFault(fault);
                _ = _mmu.FetchCode(step.First, code, out _);
                break;
            case HostileVerb.LogicalRead:
                byte[] logical = new byte[step.Length];
                _ = _mmu.TryRead(register, step.First, logical, out _);
                _ = _mmu.TryRead(register, step.First, out uint _, out _);
                _ = _mmu.Translate(new LogicalAddress(register, step.First), step.Kind);
                break;
            case HostileVerb.LogicalWrite:
                _ = _mmu.TryWrite(register, step.First, bytes, out _);
                _ = _mmu.TryWrite(register, step.First, 0xeeee_eeeeu, out _);
                break;
            case HostileVerb.Invalidate:
                _mmu.InvalidatePage(step.First);
                _ = _mmu.InvalidatePcid(step.Second % 5, step.Second >> 52, step.First);
                break;
            case HostileVerb.WriteRegister:
                WriteRegister(step);
                break;
            case HostileVerb.LoadDescriptorTables:
                _ = _mmu.Segments.TryLoadGdtr(new DescriptorTableRegister(step.First, (ushort)step.Second), out _);
                _ = _mmu.Segments.TryLoadLdtr((ushort)(step.Second >> 16), out _);
                _ = _mmu.Segments.TryLoadTr((ushort)(step.Second >> 32), out _);
                break;
            case HostileVerb.LoadSegment:
                if (register != SegmentRegister.CS) _ = _mmu.Segments.TryLoad(register, (ushort)(step.Second >> 16), out _);
                _ = _mmu.Segments.TryLoadLimit((ushort)(step.Second >> 32), out _, out _);
                _ = _mmu.Segments.TryWriteFsBase(step.First, out _);
                break;
            case HostileVerb.FarTransfer:
                FarTransfer(step);
                break;
            case HostileVerb.View:
                View(step);
                break;
            default:
                throw new InvalidOperationException($"{step}");
        }
    }

    private void Batch(in HostileStep step)
    {
        int count = Math.Min(step.Length, 600);
        Span<ulong> lanes = _lanes.AtEnd(count, 0);
        // Strides of all kinds, and the noise of memory itself as addresses.
        ulong stride = step.Second % 4 == 0 ? step.Second : step.Second % 8192;
        for (int i = 0; i < count; i++) lanes[i] = step.First + ((ulong)i * stride);
        _ = _mmu.TranslateBatch(lanes, lanes, step.Kind, step.Privilege);
    }

    private void WriteRegister(in HostileStep step)
    {
        PagingState state = _mmu.State;
        // One in two values is what software might write: the old one with a few bits changed.
        ulong bits = step.First & (step.Second % 2 == 0 ? ulong.MaxValue : step.Second & (step.Second >> 8));
        switch (step.Length % 8)
        {
            case 0:
                _ = _mmu.WriteCr0(state.Cr0.Value ^ (bits & 0xe005_003f));
                break;
            case 1:
                _ = _mmu.WriteCr3(step.First);
                break;
            case 2:
                _ = _mmu.WriteCr3(state.Cr3.Value ^ (bits & ~0xfffUL));
                break;
            case 3:
                _ = _mmu.WriteCr4(state.Cr4.Value ^ (bits & ControlRegisterRules.Cr4Allowed(_mmu.Features)));
                break;
            case 4:
                _ = _mmu.WriteEfer(state.Efer.Value ^ (bits & 0xfff));
                break;
            case 5:
                _mmu.WritePkru((uint)step.First);
                _ = _mmu.WritePkrs((uint)step.Second);
                break;
            case 6:
                _mmu.SetRFlags(step.First);
                break;
            default:
                _mmu.SetCpl((int)(step.Second & 3));
                break;
        }
    }

    private void FarTransfer(in HostileStep step)
    {
        var selector = (Selector)(ushort)(step.Second >> 16);
        FarTransfer transfer;
        bool done = (step.Second % 3) switch
        {
            0 => _mmu.Segments.TryFarJump(selector, step.First, out transfer, out _),
            1 => _mmu.Segments.TryFarCall(selector, step.First, out transfer, out _),
            _ => _mmu.Segments.TryFarReturn(selector, step.First, (ushort)(step.Second >> 32), step.Length % 2 == 0, out transfer, out _),
        };
        if (done && step.Length % 3 == 0) _mmu.Segments.Undo(in transfer);
    }

    private void View(in HostileStep step)
    {
        if (_mmu.Mode == PagingMode.None) return;
        var view = new AddressSpaceView(_memory, _mmu.State);
        int seen = 0;
        foreach (MappedPage page in view.Pages())
        {
            Assert.True(page.Physical.Value <= PhysicalAddress.MaxValue);
            if (++seen == Enough) break;
        }

        seen = 0;
        foreach (MappedPage page in view.Pages(new LinearRange(step.First & ~0xfffUL, 1UL << 30)))
        {
            _ = page;
            if (++seen == Enough) break;
        }

        _ = view.Ranges(pageLimit: Enough).Count();
        _ = AddressSpaceView.Diff(view, view, pageLimit: Enough).Count();
        _ = view.Summarize();
    }

    private void CheckMemory(in HostileStep step, int number)
    {
        (bool writes, byte mayBeSet) = step.Verb switch
        {
            HostileVerb.Probe or HostileVerb.Invalidate or HostileVerb.WriteRegister or HostileVerb.View => (false, (byte)0),
            HostileVerb.Write or HostileVerb.WriteValue or HostileVerb.LogicalWrite => (true, AccessedOrDirty),
            HostileVerb.LoadDescriptorTables or HostileVerb.LoadSegment or HostileVerb.FarTransfer => (false, (byte)(AccessedOrDirty | AccessedOrBusySegment)),
            _ => (false, AccessedOrDirty),
        };
        for (int i = 0; i < _before.Length; i++)
        {
            Span<byte> after = Bytes(i);
            Span<byte> before = _before[i];
            for (int at = before.CommonPrefixLength(after); at < before.Length; at += 1 + before[(at + 1)..].CommonPrefixLength(after[(at + 1)..]))
            {
                bool written = writes && (after[at] | AccessedOrDirty) == (Written | AccessedOrDirty);
                bool marked = (before[at] & ~after[at]) == 0 && ((before[at] ^ after[at]) & ~mayBeSet) == 0;
                ulong address = _machine.Ranges[i].Start.Value + (ulong)at;
                if (_machine.Ranges[i].Kind == MemoryKind.Ram && (written || marked)) continue;
                Assert.Fail($"step {number}, {step}: 0x{before[at]:x} at 0x{address:x} became 0x{after[at]:x}");
            }

            after.CopyTo(before);
        }
    }

    private Span<byte> Bytes(int range) => _memory.Span(_machine.Ranges[range].Start, (int)_machine.Ranges[range].Length);
}
