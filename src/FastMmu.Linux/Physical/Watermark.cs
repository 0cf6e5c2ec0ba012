namespace FastMmu.Linux.Physical;

/// <summary>How few free pages a zone may have left.</summary>
public enum Watermark
{
    /// <summary>Below it only urgent requests are served.</summary>
    Min = 0,

    /// <summary>Below it other zones are asked first, and reclaim begins.</summary>
    Low = 1,

    /// <summary>At it reclaim ends.</summary>
    High = 2,

    /// <summary>At it a node of fast memory takes no more pages of slower ones.</summary>
    Promo = 3,
}
