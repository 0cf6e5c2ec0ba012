namespace FastMmu.Linux.Exec;

/// <summary>The strings at the top of a new program's stack, pushed from high addresses to low: file name, environment, arguments.</summary>
/// <remarks>
/// Offsets count downwards from the end of the stack, where one pointer's bytes stay zero. Source: fs/exec.c (copy_strings,
/// bprm_stack_limits, acct_stack_growth).
/// </remarks>
internal sealed class ArgumentArea
{
    /// <summary>The longest string, its NUL included (MAX_ARG_STRLEN): 32 pages.</summary>
    public const int MaximumString = 32 * 4096;

    private const ulong HistoricalLimit = 32 * 4096;
    private const ulong HighestLimit = (8UL << 20) / 4 * 3;
    private readonly ulong _limit;
    private readonly ulong _stackLimit;
    private readonly ulong _pageLimit;
    private readonly int _pointerBytes;
    private byte[] _bytes = new byte[4096];

    /// <summary>An empty area.</summary>
    /// <param name="pointers">Strings that will be pushed for arguments and environment.</param>
    /// <param name="pointerBytes">Bytes of the kernel's pointers: 8 or 4.</param>
    /// <param name="stackLimit">The soft RLIMIT_STACK.</param>
    /// <param name="addressSpaceLimit">The soft RLIMIT_AS.</param>
    public ArgumentArea(ulong pointers, int pointerBytes, ulong stackLimit, ulong addressSpaceLimit)
    {
        _pointerBytes = pointerBytes;
        _stackLimit = stackLimit;
        _pageLimit = addressSpaceLimit >> 12;
        Used = (ulong)pointerBytes;
        ulong limit = Math.Max(Math.Min(HighestLimit, stackLimit / 4), HistoricalLimit);
        ulong table = pointers * (ulong)pointerBytes;
        Fits = limit > table;
        _limit = (ulong)pointerBytes + limit - table;
    }

    /// <summary>Whether the pointers alone leave room for strings.</summary>
    public bool Fits { get; }

    /// <summary>Bytes from the lowest string to the end of the stack.</summary>
    public ulong Used { get; private set; }

    /// <summary>Everything from the lowest string to the end of the stack.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(_bytes.Length - (int)Used);

    /// <summary>Puts a string and its NUL below the others.</summary>
    /// <returns>False if it is too long, or too much with the others: E2BIG.</returns>
    public bool TryPush(ReadOnlySpan<byte> text)
    {
        ulong length = (ulong)text.Length + 1;
        ulong used = Used + length;
        ulong pages = (used + 0xfff) >> 12;
        if (length > MaximumString || used > _limit || (pages > 1 && (pages << 12 > _stackLimit || pages > _pageLimit)))
        {
            return false;
        }

        if (used > (ulong)_bytes.Length)
        {
            byte[] larger = new byte[Math.Max(_bytes.Length * 2, (int)((used + 0xfff) & ~0xfffUL))];
            Bytes.CopyTo(larger.AsSpan(larger.Length - (int)Used));
            _bytes = larger;
        }

        Used = used;
        Span<byte> place = _bytes.AsSpan(_bytes.Length - (int)used);
        text.CopyTo(place);
        place[text.Length] = 0;
        return true;
    }

    /// <summary>Drops the string pushed last (remove_arg_zero).</summary>
    public void Drop() => Used -= (ulong)Bytes.IndexOf((byte)0) + 1;
}
