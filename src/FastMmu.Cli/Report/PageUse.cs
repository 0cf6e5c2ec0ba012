using FastMmu.Addresses;
using FastMmu.Paging;
using FastMmu.Paging.Mapping;

namespace FastMmu.Cli.Report;

/// <summary>Pages counted by size and rights.</summary>
internal sealed class PageUse
{
    private readonly SortedDictionary<Rights, ulong> _bytesByRights = [];

    /// <summary>Pages of 4 KiB.</summary>
    public long Small { get; private set; }

    /// <summary>Pages of 2 or 4 MiB.</summary>
    public long Large { get; private set; }

    /// <summary>Pages of 1 GiB.</summary>
    public long Huge { get; private set; }

    /// <summary>Bytes of linear address space.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>The rights that occur, the most used first: <c>s r-x</c> for supervisor code, <c>u rw-</c> for user data.</summary>
    public IEnumerable<string> RightsInUse => _bytesByRights.OrderByDescending(r => r.Value).Select(r => Letters(r.Key)).Distinct();

    /// <summary>Counts a page, or the part of it that lies in a region.</summary>
    /// <param name="page">The page.</param>
    /// <param name="bytes">The bytes that count.</param>
    public void Add(in MappedPage page, ulong bytes)
    {
        switch (page.Size)
        {
            case PageSize.Size4K:
                Small++;
                break;
            case PageSize.Size1G:
                Huge++;
                break;
            default:
                Large++;
                break;
        }

        Bytes += bytes;
        Rights rights = page.Rights & ~Rights.Global;
        _bytesByRights[rights] = _bytesByRights.GetValueOrDefault(rights) + bytes;
    }

    /// <summary>Rights in five characters: <c>u</c> user or <c>s</c> supervisor, then read, write, execute.</summary>
    public static string Letters(Rights rights) =>
        $"{(rights.HasFlag(Rights.User) ? 'u' : 's')} r{(rights.HasFlag(Rights.Write) ? 'w' : '-')}{(rights.HasFlag(Rights.Execute) ? 'x' : '-')}";
}
