namespace FastMmu.Linux.Kernel;

/// <summary>The generator behind prandom: four shift registers of 31, 29, 28 and 25 bits, combined.</summary>
internal struct Taus113
{
    private uint _a;
    private uint _b;
    private uint _c;
    private uint _d;

    /// <summary>Begins where prandom_seed_state does.</summary>
    internal Taus113(ulong seed)
    {
        uint folded = (uint)((seed >> 32) ^ (seed << 10) ^ seed);
        (_a, _b, _c, _d) = (AtLeast(folded, 2), AtLeast(folded, 8), AtLeast(folded, 16), AtLeast(folded, 128));
    }

    /// <summary>Begins with four given registers, each of which must have a bit above those that a step drops.</summary>
    internal Taus113(uint a, uint b, uint c, uint d) => (_a, _b, _c, _d) = (AtLeast(a, 2), AtLeast(b, 8), AtLeast(c, 16), AtLeast(d, 128));

    internal uint Next()
    {
        _a = ((_a & ~1u) << 18) ^ (((_a << 6) ^ _a) >> 13);
        _b = ((_b & ~7u) << 2) ^ (((_b << 2) ^ _b) >> 27);
        _c = ((_c & ~15u) << 7) ^ (((_c << 13) ^ _c) >> 21);
        _d = ((_d & ~127u) << 13) ^ (((_d << 3) ^ _d) >> 12);
        return _a ^ _b ^ _c ^ _d;
    }

    /// <summary>Two numbers, the first in the low half.</summary>
    internal ulong Next64() => Next() | ((ulong)Next() << 32);

    private static uint AtLeast(uint value, uint least) => value < least ? value + least : value;
}
