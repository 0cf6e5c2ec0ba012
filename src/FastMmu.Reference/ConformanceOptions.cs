namespace FastMmu.Reference;

/// <summary>How <see cref="Conformance"/> checks.</summary>
public sealed record ConformanceOptions
{
    private readonly ulong _memoryBytes = 8 << 20;
    private readonly int _counterExamples = 5;

    /// <summary>Memory from 0 to here holds page tables: 1 MiB to 2 GiB in bytes, a multiple of 4096; 8 MiB if nobody says otherwise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less, more, or no whole pages.</exception>
    public ulong MemoryBytes
    {
        get => _memoryBytes;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1UL << 20);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1UL << 31);
            ArgumentOutOfRangeException.ThrowIfNotEqual(value & 0xfff, 0UL);
            _memoryBytes = value;
        }
    }

    /// <summary>Which faults are permitted beyond those of a full walk. An MMU that promises more than the architecture may be held to it.</summary>
    public SpuriousFaults SpuriousFaults { get; init; } = SpuriousFaults.All;

    /// <summary>
    /// Whether page tables change and instructions are executed between accesses. Without, <see cref="IMmuUnderTest.Execute"/> is never called: for a
    /// walker that has no caches and no registers of its own.
    /// </summary>
    public bool Instructions { get; init; } = true;

    /// <summary>After how many counter-examples, each of another rule, the run ends. One or more; 5 if nobody says otherwise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than one.</exception>
    public int CounterExamples
    {
        get => _counterExamples;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            _counterExamples = value;
        }
    }
}
