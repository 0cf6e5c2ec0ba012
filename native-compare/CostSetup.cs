using System.Runtime.InteropServices;

namespace FastMmu.NativeCompare;

/// <summary>The address spaces on which costs are measured, as the C++ side sees them: <c>Setup</c> in <c>cpp/costs.cpp</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CostSetup
{
    /// <summary>CR3 of the first address space.</summary>
    public ulong Root0;

    /// <summary>CR3 of the second.</summary>
    public ulong Root1;

    /// <summary>The first of 64 pages of the user's.</summary>
    public ulong Pages;

    /// <summary>The first of 64 pages of the supervisor's.</summary>
    public ulong Supervisor;

    /// <summary>A page of 2 MiB.</summary>
    public ulong Large;

    /// <summary>Physical address of the entry of the page that comes and goes.</summary>
    public ulong Entry;

    /// <summary>That entry while the page is there.</summary>
    public ulong Value;

    /// <summary>The page that comes and goes.</summary>
    public ulong ComesAndGoes;
}
