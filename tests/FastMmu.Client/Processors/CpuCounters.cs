namespace FastMmu.Client.Processors;

/// <summary>What the processors of a run did with memory.</summary>
internal sealed class CpuCounters
{
    /// <summary>Accesses to pages that Unicorn did not have, and got.</summary>
    public long Misses { get; set; }

    /// <summary>Accesses to pages that Unicorn had with fewer rights, and got with more.</summary>
    public long Refusals { get; set; }

    /// <summary>Accesses that the address space refused too.</summary>
    public long Signals { get; set; }

    /// <summary>Pages given to Unicorn, each with a translation made by an <see cref="Mmu"/>.</summary>
    public long PagesMapped { get; set; }

    /// <summary>Pages taken away because FastMmu said that they changed.</summary>
    public long PagesInvalidated { get; set; }

    /// <summary>Pages taken away to make room.</summary>
    public long PagesEvicted { get; set; }

    /// <summary>Invalidations that FastMmu sent.</summary>
    public long Invalidations { get; set; }

    /// <summary>Copies-on-write: a page that came back in another frame after a write.</summary>
    public long Copies { get; set; }

    /// <summary>Times that Unicorn's whole map was compared with the page tables.</summary>
    public long Audits { get; set; }

    /// <summary>Pages that these comparisons looked at.</summary>
    public long PagesAudited { get; set; }
}
