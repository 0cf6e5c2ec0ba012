using FastMmu.Processor;
using FastMmu.Tlb;
using Xunit;

namespace FastMmu.Tests.Shootdown;

/// <summary>A virtual CPU whose accesses a schedule can interrupt between any two of their steps.</summary>
internal sealed class SteppedProcessor : IDisposable
{
    private readonly InvalidationLog<Interleaving.Points>.Reader _reader;
    private readonly Mmu _mmu;

    public SteppedProcessor(SteppedGroup group, Mmu mmu)
    {
        _mmu = mmu;
        // A group of its own, without members: what the memory says comes through the one that schedules can interrupt.
        _mmu.JoinedGroup = new MmuGroup(group.Memory);
        _reader = group.Log.Join();
    }

    /// <summary>How often it was entered.</summary>
    public int Entries { get; private set; }

    public void Enter()
    {
        Entries++;
        IsParked = false;
        Mmu target = _mmu;
        _reader.Enter(ref target);
    }

    /// <summary>Whether it is parked.</summary>
    public bool IsParked { get; private set; }

    public void Exit()
    {
        _reader.Exit();
        IsParked = true;
    }

    /// <summary>Whether somebody has asked for something that it has not yet dropped.</summary>
    public bool IsAsked => _reader.Pending;

    public void Poll()
    {
        if (!_reader.Pending) return;
        Mmu target = _mmu;
        _reader.Take(ref target);
    }

    public int Read(ulong linear)
    {
        Assert.True(_mmu.TryReadAs<int, Interleaving.Points>(linear, Privilege.Supervisor, stack: false, out int value, out _));
        return value;
    }

    public void Write(ulong linear, int value) =>
        Assert.True(_mmu.TryWriteAs<int, Interleaving.Points>(linear, value, Privilege.Supervisor, stack: false, out _));

    public void Dispose() => _mmu.Dispose();
}
