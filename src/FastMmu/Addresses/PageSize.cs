namespace FastMmu.Addresses;

/// <summary>The page sizes of x86 paging. The value is the base-two logarithm of the size in bytes.</summary>
public enum PageSize : byte
{
    /// <summary>No page: paging is off, or there is no translation.</summary>
    None = 0,

    /// <summary>4 KiB: mapped by a page-table entry.</summary>
    Size4K = 12,

    /// <summary>2 MiB: mapped by a page-directory entry with PS=1 in PAE, four-level and five-level paging.</summary>
    Size2M = 21,

    /// <summary>4 MiB: mapped by a page-directory entry with PS=1 in 32-bit two-level paging.</summary>
    Size4M = 22,

    /// <summary>1 GiB: mapped by a page-directory-pointer-table entry with PS=1 in four-level and five-level paging.</summary>
    Size1G = 30,
}

/// <summary>Arithmetic on <see cref="PageSize"/>.</summary>
public static class PageSizes
{
    /// <summary>The size in bytes: 2 to the power of the value.</summary>
    /// <param name="size">The page size.</param>
    /// <example><code>
    /// Console.WriteLine(PageSize.Size2M.Bytes() / KiB);      // 2048
    /// </code></example>
    public static ulong Bytes(this PageSize size) => 1UL << (int)size;

    /// <summary>The base-two logarithm of the size in bytes.</summary>
    /// <param name="size">The page size.</param>
    /// <example><code>
    /// Console.WriteLine(PageSize.Size1G.Shift());      // 30
    /// </code></example>
    public static int Shift(this PageSize size) => (int)size;

    /// <summary>The customary name: <c>4 KiB</c>, <c>2 MiB</c>, <c>4 MiB</c>, <c>1 GiB</c>, or <c>no</c>.</summary>
    /// <param name="size">The page size.</param>
    /// <example><code>
    /// Console.WriteLine(PageSize.Size4M.Name());       // 4 MiB
    /// </code></example>
    public static string Name(this PageSize size) => size switch
    {
        PageSize.Size4K => "4 KiB",
        PageSize.Size2M => "2 MiB",
        PageSize.Size4M => "4 MiB",
        PageSize.Size1G => "1 GiB",
        _ => "no",
    };
}
