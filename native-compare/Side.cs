using System.Runtime.CompilerServices;
using FastMmu.Addresses;
using FastMmu.Processor;

namespace FastMmu.NativeCompare;

/// <summary>One way to translate a batch of addresses for a user's reads. Keeps its own caches from call to call.</summary>
internal abstract unsafe class Side(string name) : IDisposable
{
    /// <summary>What a faulted lane holds.</summary>
    public const ulong Faulted = BatchResult.FaultedLane;

    /// <summary>The name in the table and in the JSON.</summary>
    public string Name { get; } = name;

    /// <summary>Whether <see cref="Translate"/> gives physical addresses that can be compared.</summary>
    public virtual bool Translates => true;

    /// <summary>Translates; a lane that faults receives <see cref="Faulted"/>.</summary>
    public abstract void Translate(ulong* linear, ulong* physical, int count);

    public void Dispose() => Release();

    /// <summary>Frees what the side holds.</summary>
    protected virtual void Release()
    {
    }
}

/// <summary><see cref="Mmu.TryTranslate"/>, an address a call.</summary>
internal sealed unsafe class ScalarSide(Mmu mmu) : Side("fastmmu-scalar")
{
    // A function of its own, as the C++ sides are: into the measuring loop it would be compiled anew, with that loop's registers and profile.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public override void Translate(ulong* linear, ulong* physical, int count)
    {
        Mmu processor = mmu;
        for (nint i = 0, end = count; i < end; i++)
        {
            if (processor.TryTranslate(linear[i], Access.Read, Privilege.User, out PhysicalAddress found)) physical[i] = found.Value;
            else physical[i] = Faulted;
        }
    }

    protected override void Release() => mmu.Dispose();
}

/// <summary><see cref="Mmu.TranslateBatch"/>.</summary>
internal sealed unsafe class BatchSide(Mmu mmu) : Side("fastmmu-batch")
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public override void Translate(ulong* linear, ulong* physical, int count) =>
        mmu.TranslateBatch(new(linear, count), new(physical, count), Access.Read, Privilege.User);

    protected override void Release() => mmu.Dispose();
}
