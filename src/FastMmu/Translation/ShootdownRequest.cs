using FastMmu.Memory;
using FastMmu.Tlb;

namespace FastMmu;

/// <summary>A request that members of an <see cref="MmuGroup"/> drop something.</summary>
public readonly struct ShootdownRequest
{
    private readonly InvalidationLog<NoInterleavingPoints>? _log;
    private readonly long _number;

    internal ShootdownRequest(InvalidationLog<NoInterleavingPoints> log, long number)
    {
        _log = log;
        _number = number;
    }

    /// <summary>
    /// Whether every member has dropped it, or is parked and will before it translates again. Then no access uses the old tables any more, and
    /// the frames that they named may be used for something else. Once true, it stays so.
    /// </summary>
    public bool IsAcknowledged => _log is null || _log.IsAcknowledged(_number);
}
