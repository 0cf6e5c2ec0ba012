namespace FastMmu;

/// <summary>How one waits for the acknowledgement of running members.</summary>
internal struct ShootdownWait
{
    private const int LooksAtOnce = 64;

    private SpinWait _spin;
    private int _looked;

    /// <summary>Waits a little, before the next look.</summary>
    public void Once()
    {
        // A member that runs answers in less than a microsecond; then time is given to others now and then, for machines with fewer cores
        // than members. Sleeping would be longer than any of them takes.
        if (_looked++ < LooksAtOnce) Thread.SpinWait(1);
        else _spin.SpinOnce(sleep1Threshold: -1);
    }
}
