using FastMmu.Processor;
using FastMmu.Reference;

namespace FastMmu.Tests.Generators;

/// <summary>The registers that a program writes.</summary>
internal enum Register
{
    Cr0,
    Cr3,
    Cr4,
    Efer,
    Pkru,
    Pkrs,
    RFlags,
    Cpl,
}

/// <summary>How a program touches memory itself, and not only its address.</summary>
internal enum Transfer
{
    Read,
    Write,
    ReadForUpdate,
    Fetch,
}

/// <summary>One thing that a program does between others.</summary>
internal abstract record TlbStep
{
    /// <summary>Software changes a paging-structure entry, and tells nobody.</summary>
    internal sealed record Poke(TableWord Word) : TlbStep
    {
        public override string ToString() => $"{Word}";
    }

    /// <summary>A translation.</summary>
    internal sealed record Touch(ReferenceAccess Access) : TlbStep
    {
        public override string ToString() => $"{Access}";
    }

    /// <summary>A debugger's look.</summary>
    internal sealed record Look(ReferenceAccess Access) : TlbStep
    {
        public override string ToString() => $"probe: {Access}";
    }

    /// <summary>Eight bytes (sixteen for a fetch) by the running program.</summary>
    internal sealed record Move(Transfer Kind, ulong Linear) : TlbStep
    {
        public override string ToString() => $"{Kind} bytes at 0x{Linear:x}";
    }

    /// <summary>Many translations at once.</summary>
    internal sealed record Batch(IReadOnlyList<ulong> Linear, Access Kind, Privilege Privilege, bool InPlace) : TlbStep
    {
        public override string ToString() =>
            $"batch: {Kind} by {Privilege}{(InPlace ? " in place" : "")} of {Linear.Count}: {string.Join(' ', Linear.Take(40).Select(linear => $"0x{linear:x}"))}";
    }

    internal sealed record Invlpg(ulong Linear) : TlbStep
    {
        public override string ToString() => $"INVLPG 0x{Linear:x}";
    }

    internal sealed record Invpcid(ulong Type, ulong Context, ulong Linear) : TlbStep
    {
        public override string ToString() => $"INVPCID type {Type}, PCID 0x{Context:x}, 0x{Linear:x}";
    }

    internal sealed record Write(Register Register, ulong Value) : TlbStep
    {
        public override string ToString() => $"{Register} = 0x{Value:x}";
    }

    /// <summary>A register is written with some of its bits turned round.</summary>
    internal sealed record Flip(Register Register, ulong Bits) : TlbStep
    {
        public override string ToString() => $"{Register} ^= 0x{Bits:x}";
    }

    /// <summary>A step that changes nothing more when it is made again, made so many times that numbers of contexts run out.</summary>
    internal sealed record Again(TlbStep Step, int Times) : TlbStep
    {
        public override string ToString() => $"{Times} times {Step}";
    }
}
