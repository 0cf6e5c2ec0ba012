namespace FastMmu.Tlb;

/// <summary>
/// The numbers that stand for PCIDs in tags. Forgetting a PCID is giving it another number: whatever bears the old one can no longer be
/// found, however much there is of it.
/// </summary>
/// <remarks>
/// Number 0 stands for nobody, so an empty tag is never found. Numbers are given once and in order; when they run out, the owner clears
/// what bears dead numbers and gives the living ones new numbers from 1 (<see cref="Renumber"/>): nothing that lived is lost.
/// </remarks>
internal sealed class TlbContexts
{
    /// <summary>How many PCIDs there are.</summary>
    public const int Pcids = 4096;

    /// <summary>The least number that may be the last: every PCID and the globals alive, and one to spare.</summary>
    public const uint SmallestLast = Pcids + 2;

    private readonly uint[] _numbers = new uint[Pcids];
    private readonly uint _last;
    private uint _next = 2;
    private uint _floor = 2;

    /// <summary>Gives out numbers up to a last one.</summary>
    /// <param name="last">The last number, at least <see cref="SmallestLast"/>.</param>
    public TlbContexts(uint last)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(last, SmallestLast);
        _last = last;
    }

    /// <summary>The number of the globals; never 0.</summary>
    public uint Global { get; private set; } = 1;

    /// <summary>Grows whenever a number may have died, so that who saw the same value twice knows that none did in between.</summary>
    public ulong Deaths { get; private set; }

    /// <summary>Whether there is no number left to give.</summary>
    public bool Exhausted => _next > _last;

    /// <summary>The number of a PCID, or 0 if nothing bears one.</summary>
    /// <param name="pcid">The PCID.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not 0 to 4095.</exception>
    public uint Of(int pcid)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)pcid, (uint)(Pcids - 1), nameof(pcid));
        uint number = _numbers[pcid];
        return number >= _floor ? number : 0;
    }

    /// <summary>Gives a PCID a number that nobody ever bore. Must not be <see cref="Exhausted"/>.</summary>
    /// <param name="pcid">The PCID.</param>
    public uint Give(int pcid) => _numbers[pcid] = _next++;

    /// <summary>Forgets what a PCID bears.</summary>
    /// <param name="pcid">The PCID.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not 0 to 4095.</exception>
    public void Forget(int pcid)
    {
        if (Of(pcid) == 0) return;
        _numbers[pcid] = 0;
        Deaths++;
    }

    /// <summary>Forgets what every PCID bears, but not the globals.</summary>
    public void ForgetPcids()
    {
        _floor = _next;
        Deaths++;
    }

    /// <summary>Forgets the globals. Must not be <see cref="Exhausted"/>.</summary>
    public void ForgetGlobals()
    {
        Global = _next++;
        Deaths++;
    }

    /// <summary>
    /// Gives the globals and the living PCIDs new numbers from 1. The owner has cleared every dead tag before and rewrites every
    /// other tag after.
    /// </summary>
    public void Renumber()
    {
        uint floor = _floor;
        Global = 1;
        _next = 2;
        _floor = 2;
        for (int pcid = 0; pcid < Pcids; pcid++)
        {
            _numbers[pcid] = _numbers[pcid] >= floor ? _next++ : 0;
        }
    }
}
